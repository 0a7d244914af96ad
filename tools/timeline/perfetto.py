# A trace in the Trace Event format, which Perfetto and Chromium's tracing page open: a track for
# each CPU and each register, and an arrow from the install of a breakpoint to its hits.
import json

REGISTERS = 4


def events_of(t):
    def us(ns):
        return (ns - t.begin) / 1000

    for cpu in range(t.cpus):
        yield {"ph": "M", "name": "process_name", "pid": cpu, "args": {"name": f"CPU {cpu}"}}
        yield {"ph": "M", "name": "thread_name", "pid": cpu, "tid": 0, "args": {"name": "task"}}
        for reg in range(REGISTERS):
            yield {"ph": "M", "name": "thread_name", "pid": cpu, "tid": reg + 1,
                   "args": {"name": f"DR{reg}"}}
    for bar in t.running:
        yield {"ph": "X", "cat": "sched", "name": f"{t.names.get(bar.task, '')} {bar.task}",
               "pid": bar.cpu, "tid": 0, "ts": us(bar.start), "dur": (bar.end - bar.start) / 1000}
    last = {}
    for bar in t.registers:
        yield {"ph": "X", "cat": "breakpoint", "name": f"{t.names.get(bar.task, '-')}: {bar.what}",
               "pid": bar.cpu, "tid": bar.reg + 1, "ts": us(bar.start),
               "dur": (bar.end - bar.start) / 1000,
               "args": {"event": bar.event, "hits": bar.hits}}
    starts = sorted(((bar.start, bar) for bar in t.registers), key=lambda pair: pair[0])
    marks, n, flow = t.marks, 0, 0
    for mark in marks:
        while n < len(starts) and starts[n][0] <= mark.at:
            last[starts[n][1].cpu, starts[n][1].reg] = starts[n][1]
            n += 1
        tid = mark.reg + 1
        yield {"ph": "i", "s": "t", "cat": mark.kind, "name": f"{mark.kind}: {mark.text}",
               "pid": mark.cpu, "tid": tid, "ts": us(mark.at)}
        bar = last.get((mark.cpu, mark.reg)) if mark.kind == "hit" else None
        if bar:
            flow += 1
            arrow = {"cat": "flow", "name": "hit", "id": flow, "pid": mark.cpu, "tid": tid}
            yield {"ph": "s", "ts": us(bar.start), **arrow}
            yield {"ph": "f", "bp": "e", "ts": us(mark.at), **arrow}
    for at, cpu, number in t.writes:
        yield {"ph": "C", "name": "register writes", "pid": cpu, "ts": us(at),
               "args": {"writes": number}}


def write(t, path):
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"displayTimeUnit": "ns", "traceEvents": list(events_of(t))}, f,
                  separators=(",", ":"))

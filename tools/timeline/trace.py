# The kernel's trace (sched/trace.h) as a model: which task ran when, and which event was in which
# register.
import re
from dataclasses import dataclass, field

LINE = re.compile(r"\[(\d+)\] (\d+)\.(\d{9}): (\w+): ?(.*)")
FIELD = re.compile(r"(\w+)=(\S+)")
TYPES = {"0": "x", "1": "w", "3": "rw"}  # enum dr_type


@dataclass
class Bar:
    """Something that lasts: times in ns, and for a register its event."""
    start: int
    end: int
    cpu: int
    task: int          # 0: idle, or an event of no task
    reg: int = -1
    event: int = 0
    what: str = ""     # "0x452bc0 8 w pinned"
    hits: int = 0


@dataclass
class Mark:
    """Something that happens: "hit", "refused", "turn", "migrate"."""
    at: int
    cpu: int
    kind: str
    text: str
    reg: int = -1
    task: int = 0
    event: int = 0


@dataclass
class Trace:
    begin: int = 0
    end: int = 0
    cpus: int = 0
    lost: int = 0
    names: dict = field(default_factory=dict)      # pid -> name
    running: list = field(default_factory=list)    # Bars
    registers: list = field(default_factory=list)  # Bars
    marks: list = field(default_factory=list)
    writes: list = field(default_factory=list)     # (ns, cpu, number of them)


class Reader:
    def __init__(self):
        self.trace, self.runs, self.holds = Trace(), {}, {}

    def sched_switch(self, at, cpu, f, _):
        self.end_run(at, cpu)
        pid = int(f["next_pid"])
        self.trace.names[pid] = f.get("next_comm", "")
        self.runs[cpu] = Bar(at, at, cpu, pid)

    def end_run(self, at, cpu):
        bar = self.runs.pop(cpu, None)
        if bar:
            bar.end = at
            if bar.task:
                self.trace.running.append(bar)

    def bp_install(self, at, cpu, f, rest):
        where = f["at"].split("+0x0")[0] if "at" in f else f["addr"]
        kind = "flexible" if "flexible" in rest else "pinned"
        self.holds[cpu, int(f["reg"])] = Bar(
            at, at, cpu, int(f["pid"]), int(f["reg"]), int(f["id"]),
            f"{where} {f['len']} {TYPES.get(f['type'], '?')} {kind}")

    def bp_evict(self, at, cpu, f, _):
        self.end_hold(at, (cpu, int(f["reg"])))

    def end_hold(self, at, key):
        bar = self.holds.pop(key, None)
        if bar:
            bar.end = at
            self.trace.registers.append(bar)

    def mark(self, at, cpu, kind, text, **more):
        task = self.runs[cpu].task if cpu in self.runs else 0
        self.trace.marks.append(Mark(at, cpu, kind, text, **{"task": task, **more}))

    def bp_hit(self, at, cpu, f, _):
        reg = int(f["reg"])
        if (cpu, reg) in self.holds:
            self.holds[cpu, reg].hits += 1
        self.mark(at, cpu, "hit", f.get("at", f["ip"]), reg=reg, event=int(f["id"]))

    def bp_refused(self, at, cpu, f, rest):
        self.mark(at, cpu, "refused", rest.split("why=", 1)[1], task=int(f["pid"]))

    def bp_turn(self, at, cpu, _, __):
        self.mark(at, cpu, "turn", "the flexible ones take turns")

    def sched_migrate_task(self, at, cpu, f, _):
        self.mark(at, cpu, "migrate", f"from CPU {f['orig_cpu']}", task=int(f["pid"]))

    def bp_writes(self, at, cpu, f, _):
        self.trace.writes.append((at, cpu, int(f["n"])))

    def finish(self, last):
        for cpu in list(self.runs):
            self.end_run(last, cpu)
        for key in list(self.holds):
            self.end_hold(last, key)
        t = self.trace
        t.end = last
        for bars in (t.running, t.registers):
            bars.sort(key=lambda bar: bar.start)
        return t


def read(lines):
    """Makes a Trace of the lines of trace_pipe. Skips lines that are no records."""
    reader, at = Reader(), 0
    t = reader.trace
    for line in lines:
        m = LINE.match(line)
        if not m:
            if line.startswith("lost: "):
                t.lost = int(line.split()[1])
            continue
        cpu, at = int(m[1]), int(m[2]) * 10**9 + int(m[3])
        t.begin = t.begin or at
        t.cpus = max(t.cpus, cpu + 1)
        handle = getattr(reader, m[4], None)
        if handle:
            handle(at, cpu, dict(FIELD.findall(m[5])), m[5])
    return reader.finish(at)

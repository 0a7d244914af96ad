# `make timeline` of the demonstration: every access of tasks A to H is a hit of the right register
# in the trace, and nothing is lost. Then its page in a browser, also with a million records.
import json
import os
import subprocess
import sys
import tempfile

import browser
from report import Skip

sys.path.insert(0, "tools/timeline")
import make  # noqa: E402
import trace  # noqa: E402

ACCESSES = 7500  # user/demo.c: 500 by each watchpoint of the tasks
LANES = 6        # of a CPU: task, four registers, writes
WIDTH = 1280     # of the browser's window
LONG = 1_000_000


def check(build, timeout, **variables):
    """Returns what is wrong ("": nothing), and the strip's lines."""
    with tempfile.TemporaryDirectory(prefix="dr7-") as out:
        settings = dict(os.environ, PROG="", ARGS="", FILES="", EMU="qemu", SMP="2", MEM="512",
                        APPEND="", QEMU_FLAGS="", OUT=out)
        settings.update(variables)
        done = subprocess.run([sys.executable, "-B", "tools/timeline/make.py", "--build", build],
                              env=settings, timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(out + "/timeline.trace", encoding="utf-8") as f:
            t = trace.read(f)
        with open(out + "/timeline.json", encoding="utf-8") as f:
            events = json.load(f)["traceEvents"]
        seen = [] if browser.missing() else look_at(t, out)[0]
    tasks = {pid for pid, name in t.names.items() if name in tuple("ABCDEFGH")}
    held = {bar.event: bar.task for bar in t.registers}
    hits = [m for m in t.marks if m.kind == "hit" and held.get(m.event) in tasks]
    wrong = [f"status {done.returncode}"] * (done.returncode != 0)
    letters = {t.names[pid] for pid in tasks}
    wrong += [f"tasks {sorted(letters)}"] * (len(letters) != 8)
    wrong += [f"{len(hits)} hits"] * (len(hits) != ACCESSES)
    wrong += [f"{t.lost} lost"] * (t.lost != 0)
    wrong += ["a hit for another task"] * any(m.task != held[m.event] for m in hits)
    wrong += ["no bar for a stay"] * (sum(e.get("cat") == "breakpoint" for e in events)
                                      != len(t.registers))
    return "; ".join(wrong + seen), done.stdout.splitlines()


def look_at(t, folder, picture=None):
    """Compares the page in this folder with its trace. Returns the differences."""
    bar = max(t.registers, key=lambda bar: bar.end - bar.start)
    hits = f"{bar.hits} hit" + "s" * (bar.hits != 1)
    search = "dr0 of cpu 0"
    expected = {
        "at": (bar.start + bar.end) // 2 - t.begin, "cpu": bar.cpu, "row": bar.reg + 1,
        "said": f"DR{bar.reg} of CPU {bar.cpu}: {bar.what}, event {bar.event} of " +
                (f"{t.names[bar.task]} ({bar.task}), " if bar.task else "no task, ") + hits,
        "hits": sum(b.hits for b in t.registers), "events": len({b.event for b in t.registers}),
        "search": search, "found": sum((b.reg, b.cpu) == (0, 0) for b in t.registers),
        "rectangles": t.cpus * LANES * 3 * WIDTH,
    }
    with open(folder + "/expected.json", "w", encoding="utf-8") as f:
        json.dump(expected, f)
    return browser.run("test/timeline.mjs", folder + "/timeline.html", folder + "/expected.json",
                       *[picture] * bool(picture))


def long_trace():
    """Lines of a trace of two CPUs with LONG records: tasks in turn, each with one breakpoint."""
    for n in range(LONG // 4):
        head, pid = f"[{n % 2}] {1 + n // 1000}.{n % 1000 * 1000000:09}:", 10 + n // 2 % 8
        event = f"reg={n // 2 % 4} id={pid} pid={pid}"
        yield f"{head} sched_switch: next_pid={pid} next_comm=t{pid}"
        yield f"{head} bp_install: {event} addr=0x401000 len=8 type=1 pinned"
        yield f"{head[:-4]}500: bp_hit: {event} ip=0x402000"
        yield f"{head[:-4]}900: bp_evict: {event}"


def check_long(_):
    """The browser with a million records."""
    if browser.missing():
        raise Skip(browser.missing())
    t = trace.read(long_trace())
    with tempfile.TemporaryDirectory(prefix="dr7-") as out:
        make.write_page(t, out + "/timeline.html")
        wrong, lines = look_at(t, out)
    return "; ".join(wrong), lines


def main():
    """timeline.py FOLDER PICTURE: makes a screenshot of the timeline in this folder."""
    if browser.missing():
        sys.exit("dr7: " + browser.missing())
    with open(sys.argv[1] + "/timeline.trace", encoding="utf-8") as f:
        wrong, _ = look_at(trace.read(f), *sys.argv[1:3])
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()

# `make timeline` of the demonstration: every access of tasks A to H is a hit of the right register
# in the trace, and nothing is lost.
import json
import os
import subprocess
import sys
import tempfile

ACCESSES = 7500  # user/demo.c: 500 by each watchpoint of the tasks


def check(build, timeout):
    """What is wrong ("": nothing), and the strip's lines."""
    sys.path.insert(0, "tools/timeline")
    import trace
    with tempfile.TemporaryDirectory(prefix="dr7-") as out:
        settings = dict(os.environ, PROG="", ARGS="", FILES="", EMU="qemu", SMP="2", MEM="512",
                        APPEND="", QEMU_FLAGS="", OUT=out)
        done = subprocess.run([sys.executable, "-B", "tools/timeline/make.py", "--build", build],
                              env=settings, timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(out + "/timeline.trace", encoding="utf-8") as f:
            t = trace.read(f)
        with open(out + "/timeline.json", encoding="utf-8") as f:
            events = json.load(f)["traceEvents"]
    tasks = {pid for pid, name in t.names.items() if name in tuple("ABCDEFGH")}
    held = {bar.event: bar.task for bar in t.registers}
    hits = [m for m in t.marks if m.kind == "hit" and held.get(m.event) in tasks]
    wrong = [f"status {done.returncode}"] * (done.returncode != 0)
    wrong += [f"{len(tasks)} tasks"] * (len(tasks) != 8)
    wrong += [f"{len(hits)} hits"] * (len(hits) != ACCESSES)
    wrong += [f"{t.lost} lost"] * (t.lost != 0)
    wrong += ["a hit for another task"] * any(m.task != held[m.event] for m in hits)
    wrong += ["no bar for a stay"] * (sum(e.get("cat") == "breakpoint" for e in events)
                                      != len(t.registers))
    return "; ".join(wrong), done.stdout.splitlines()

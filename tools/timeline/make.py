# What `make timeline` does: traces a program on dr7, and writes build/timeline.html,
# build/timeline.json (Trace Event format), and a strip on the terminal.
#
#   make.py --build DIRECTORY      PROG, ARGS, FILES, SMP ... as for `make exec`; OUT=: a folder;
#                                  CORE=1: the core's demonstration
#   make.py --from TRACE           uses an existing trace (lines of trace_pipe)
import json
import os
import shutil
import subprocess
import sys

sys.path[:0] = ["tools", "tools/timeline"]
import core  # noqa: E402
import perfetto  # noqa: E402
import strip  # noqa: E402
import trace  # noqa: E402
from boot import CORE, EXEC_TIMEOUT, machine, write_out  # noqa: E402
from emu import tidy  # noqa: E402
from settings import emulator, program, timeout, variable  # noqa: E402

PAGE = "tools/timeline/page.html"
DATA = "/*DATA*/null"
RECORDER, DEMO = "build/user/bin/timeline", "build/user/bin/demo"


def record(build, out):
    """Returns the trace of PROG= (default: the demonstration) on a machine."""
    path = program("PROG", variable("PROG", DEMO))
    settings = dict(os.environ, PROG=RECORDER, OUT=out, MEM=variable("MEM", "512"),
                    FILES=f"{path} {variable('FILES')}",
                    ARGS=f"/dev/host /{os.path.basename(path)} {variable('ARGS')}")
    status = subprocess.run([sys.executable, "-B", "tools/boot.py", "exec", "--build", build],
                            env=settings).returncode
    if not os.path.getsize(out):
        sys.exit(status or "dr7: nothing was traced")


def record_core(build, out):
    """Returns the trace of the core's demonstration."""
    with machine(build, None, ["trace=1"], []) as m:
        m.start()
        off = m.pump(write_out, timeout(EXEC_TIMEOUT[emulator()]))
        lines = m.com2_output.decode(errors="replace").splitlines()
    if not off or not lines:
        sys.exit("dr7: nothing was traced" if off else "dr7: stopped, the time was up (TIMEOUT=)")
    with open(out, "w", encoding="utf-8") as f:
        for line in core.in_words(lines, core.Symbols(build + "/kernel.sym")):
            f.write(line + "\n")


def packed(t):
    """The data for the page, as short JSON: times since the beginning."""
    what = sorted({bar.what for bar in t.registers} | {m.text for m in t.marks})
    number = {text: n for n, text in enumerate(what)}
    at = t.begin
    return {
        "span": t.end - at, "cpus": t.cpus, "lost": t.lost, "names": t.names, "texts": what,
        "running": [[b.start - at, b.end - at, b.cpu, b.task] for b in t.running],
        "registers": [[b.start - at, b.end - at, b.cpu, b.task, b.reg, b.event, number[b.what],
                       b.hits] for b in t.registers],
        "marks": [[m.at - at, m.cpu, m.kind, number[m.text], m.reg, m.task, m.event]
                  for m in t.marks],
        "writes": [[w[0] - at, *w[1:]] for w in t.writes],
    }


def write_page(t, path):
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    data = json.dumps(packed(t), separators=(",", ":")).replace("<", "\\u003c")
    with open(path, "w", encoding="utf-8") as f:
        f.write(page.replace(DATA, data))


def main():
    folder = variable("OUT", "build")
    os.makedirs(folder, exist_ok=True)
    source = folder + "/timeline.trace"
    if sys.argv[1] == "--from":
        source = sys.argv[2]
    elif CORE:
        record_core(sys.argv[2], source)
    else:
        record(sys.argv[2], source)
    with open(source, encoding="utf-8", errors="replace") as f:
        t = trace.read(f)
    write_page(t, folder + "/timeline.html")
    perfetto.write(t, folder + "/timeline.json")
    width = min(shutil.get_terminal_size((80, 24)).columns, 160)
    print("\n".join(strip.lines_of(t, width)))
    print(f"{folder}/timeline.html, {folder}/timeline.json (ui.perfetto.dev)", file=sys.stderr)


if __name__ == "__main__":
    tidy(main)

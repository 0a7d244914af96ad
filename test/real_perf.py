# Linux's own perf (tools/perf_tool.py) on dr7: it counts, records and reports what the traced
# program is known to do, its benchmarks run, and its own tests of breakpoints pass. In one boot.
#
#   real_perf.py linux       the same on Linux, whose answers these are
import os
import re
import sys

sys.path[:0] = ["tools"]
import batch
import perf_data
import perf_tool
from report import Skip

SECONDS = 60  # for each, in the machine's time
DATA = "/tmp/perf.data"
COUNTER = sum(2 * n for n in perf_data.CALLS.values())  # stores to the variable
# The tests that are about this kernel: overflow by signal, sampling, accounting, watchpoints,
# clocks, thread map, event times, sigtrap, event groups, x86 breakpoints.
TESTS = [13, 14, 15, 16, 17, 30, 39, 59, 63, 64]


def commands(symbols):
    """What is run, and what its output must match."""
    event = f"mem:{symbols['counter']:#x}/8:w:u"
    count = rf"\b{COUNTER}\b +mem:{symbols['counter']:#x}"
    top = f"mem:{symbols['top']:#x}:x:u"
    traced = "/" + perf_data.PROGRAM
    yield f"stat -e {event} {traced}", count
    yield f"stat -e {{{event},{top}}} {traced}", count + rf"[\s\S]*\b8 +mem:{symbols['top']:#x}"
    yield f"stat -a -e {event} {traced}", count
    yield f"stat -x, -r 2 -e {event} {traced}", rf"^{COUNTER},,mem:"
    yield f"stat -j -e {event} {traced}", rf'"counter-value" : "{COUNTER}\.0+"'
    yield f"record -g -o {DATA} -e {event} {traced}", rf"\({COUNTER} samples\)"
    yield (f"script -i {DATA}",
           r"offspring +\d+ [\s\S]*leaf\+0x\w+ .*\n.*middle\+0x\w+ .*\n.*top\+0x\w+ .*\n.*main\+")
    for name, calls in perf_data.CALLS.items():
        yield (f"report --stdio --no-children -g none -i {DATA}",
               rf"{100 * calls / sum(perf_data.CALLS.values()):.2f}%.* {name} .*leaf")
    yield f"record -a -o {DATA} -e {event} {traced}", rf"\({COUNTER} samples\)"
    yield "bench breakpoint thread -b 2 -t 4 -p 2", r"Created/joined 10 threads"
    yield "bench breakpoint enable -p 8 -a 8", r"with 8 passive and 8 active threads"
    yield "bench sched pipe -l 100", r"Executed 100 pipe operations"
    for number in TESTS:
        yield f"test {number}", r": Ok\b(?![\s\S]*FAILED)"


def check(kernel, system="dr7"):
    if not os.path.exists(perf_tool.PERF):
        raise Skip("make perf-tool builds it")
    program = perf_data.build("build/test/perf-tool")
    wanted = list(commands(perf_data.symbols(program)))
    words = ["slots=mainline"] if system == "dr7" else []
    done = batch.run(system, [[perf_tool.PERF] + command.split() for command, _ in wanted],
                     SECONDS, kernel=kernel, files=[program], words=words, mem=1024)
    lines, wrong = [], []
    for (command, pattern), d in zip(wanted, done):
        output = d.output.decode(errors="replace")
        lines += ["perf " + command] + output.splitlines() + [d.status]
        if d.status != "exited 0" or not re.search(pattern, output, re.M):
            wrong.append(f"perf {command}: {d.status}, without {pattern}")
    return "; ".join(wrong), lines


if __name__ == "__main__":
    wrong, lines = check("build/kernel.elf", *sys.argv[1:])
    print("\n".join(lines))
    sys.exit(wrong)

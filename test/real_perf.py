# Linux's own perf (tools/perf_tool.py) on dr7, in one boot. It counts, records and reports exactly
# what the traced program does, its benchmarks run, and its own tests of breakpoints pass.
#
#   real_perf.py linux       the same on Linux, which gave these answers
import os
import re
import sys

sys.path[:0] = ["tools"]
import batch
import perf_data
import perf_tool
from report import Skip

SECONDS = 60  # for each, in the machine's time
SHELL = "/bin/busybox"
TRUE = "build/user/bin/true"
DATA = "/tmp/perf.data"
COUNTER = sum(2 * n for n in perf_data.CALLS.values())  # stores to the variable
COLOURS = re.compile(r"\x1b\[[\d;]*[A-Za-z]")  # if the console is a terminal
# The tests that are about this kernel and that Linux passes, too: overflow by signal, sampling,
# accounting, watchpoints, clocks, thread maps, event times, sigtrap, groups, modified breakpoints.
TESTS = [13, 14, 15, 16, 17, 24, 30, 31, 39, 59, 63, 64]
# A process that stores for ever, which perf finds by its id.
RUNNING = "/traced 2000000000 & T=$!; "


def counting(event, top):
    """Commands that count, and what their output must match."""
    traced = "/" + perf_data.PROGRAM
    count = rf"\b{COUNTER}\b +{event.split('/')[0]}"
    yield f"stat -e {event} {traced}", count
    yield f"stat -e {{{event},{top}}} {traced}", count + rf"[\s\S]*\b8 +{top[:-4]}"
    yield f"stat -a -e {event} {traced}", count
    yield f"stat -C 0,1 -e {event} {traced}", count
    yield f"stat -A -a -e {event} {traced}", r"^CPU0 .* mem:.*\nCPU1 .* mem:"
    yield f"stat -x, -r 2 -e {event} {traced}", rf"^{COUNTER},,mem:"
    yield f"stat -j -e {event} {traced}", rf'"counter-value" : "{COUNTER}\.0+"'
    yield (f"! /perf stat -x, -I 50 -e {event} {traced} 5000 2>&1 |"
           " awk -F, '/mem/ {s += $2} END {print s}'", "^5000$")
    for option in "-p", "-t":
        yield (f"! {RUNNING}/perf stat {option} $T -e {event} --timeout 300; kill $T",
               r"^ +[1-9]\d* +mem:")


def recording(event, top):
    """Commands that record, and those that read."""
    traced, samples = "/" + perf_data.PROGRAM, rf"\({COUNTER} samples\)"
    frames = "".join(rf"{name}\+0x\w+ .*\n.*" for name in ("leaf", "middle", "top", "main"))
    chain = rf"offspring +\d+ [\s\S]*{frames}"
    yield f"record -g -o {DATA} -e {event} {traced}", samples
    yield f"script -i {DATA}", chain
    for name, calls in perf_data.CALLS.items():
        yield (f"report --stdio --no-children -g none -i {DATA}",
               rf"{100 * calls / sum(perf_data.CALLS.values()):.2f}%.* {name} .*leaf")
    yield f"! /perf inject -b -i {DATA} -o /tmp/inj && /perf script -i /tmp/inj", chain
    yield f"record -a -o /tmp/all -e {event} {traced}", samples
    yield f"diff {DATA} /tmp/all", r"100\.00% .*leaf"
    yield f"record -d -o {DATA} -e {event} {traced}", samples
    yield f"mem report --stdio -i {DATA}", r"100\.00% .*leaf .*counter\+0x0"
    yield f"record -c 4 -o {DATA} -e {event} {traced} 4000", r"\(1000 samples\)"
    yield f"record -F 1000 -o {DATA} -e {event} {traced} 4000", r"\([1-9]\d* samples\)"
    yield (f"! /perf record -o - -e {event} {traced} | /perf script -i - | grep -c leaf",
           rf"^{COUNTER}$")
    yield (f"! /perf record --switch-output=1s -o /tmp/cut -e {event} -c 100 {traced} 20000; "
           "for f in /tmp/cut.*; do /perf script -i $f; done | grep -c leaf", "^200$")
    yield (f"! {RUNNING}/perf record -p $T -o {DATA} -e {event} -c 10 /busybox sleep 1; kill $T; "
           f"/perf report --stdio -i {DATA}", r"100\.00% .*leaf")
    yield f"record -o {DATA} -e {top} {traced}", r"\(8 samples\)"
    yield (f"annotate --stdio -i {DATA} top", rf"100\.00 : +{top.split(':')[1][2:]}: .*push")
    yield (f"! {RUNNING}"
           "(until grep -q leaf /tmp/top; do sleep 1; done; killall -INT perf) & "
           f"/perf top --stdio -d 1 -e {event} -p $T >/tmp/top; cat /tmp/top; kill $T",
           r"100\.00% .*leaf")


def of_kernel(variable):
    """Symbols for a variable of dr7 itself, which each fork writes once."""
    yield f"record -g -o {DATA} -e mem:{variable:#x}/4:w:k /{perf_data.PROGRAM}", r"\(1 samples\)"
    yield f"script -i {DATA}", r" task_new\+0x.*\n.* clone\+0x.*\n[\s\S]* syscall_entry\+0x"
    name = perf_data.KERNEL_VARIABLE
    yield f"kallsyms {name}", rf"{name}: .* {variable:#x}-"


def others():
    yield "list", r"mem:<addr>\[/len\]\[:access\]"
    yield "bench breakpoint thread -b 2 -t 4 -p 2", r"Created/joined 10 threads"
    yield "bench breakpoint enable -p 8 -a 8", r"with 8 passive and 8 active threads"
    yield "bench sched pipe -l 100", r"Executed 100 pipe operations"
    passes = r": Ok\b(?![\s\S]*FAILED)"
    for number in TESTS:
        yield f"test {number}", passes
    yield "! PATH=/ /perf test 67", passes  # it runs `true`


def words_of(command):
    """A command that begins with "!" is for the shell, any other for perf."""
    if command.startswith("!"):
        return [SHELL, "sh", "-c", command[2:]]
    return [perf_tool.PERF] + command.split()


def check(kernel, system="dr7"):
    if not os.path.exists(perf_tool.PERF):
        raise Skip("make perf-tool builds it")
    program = perf_data.build("build/test/perf-tool")
    symbols = perf_data.symbols(program)
    names = f"mem:{symbols['counter']:#x}/8:w:u", f"mem:{symbols['top']:#x}:x:u"
    wanted = [*counting(*names), *recording(*names), *others()]
    if system == "dr7":
        wanted += of_kernel(perf_data.symbols(kernel)[perf_data.KERNEL_VARIABLE])
    words = ["slots=mainline"] if system == "dr7" else []
    done = batch.run(system, [words_of(command) for command, _ in wanted], SECONDS,
                     kernel=kernel, files=[program, perf_tool.PERF, SHELL, TRUE], words=words,
                     mem=1024)
    lines, wrong = [], []
    for (command, pattern), d in zip(wanted, done):
        output = COLOURS.sub("", d.output.decode(errors="replace"))
        lines += ["perf " + command] + output.splitlines() + [d.status]
        if d.status != "exited 0" or not re.search(pattern, output, re.M):
            wrong.append(f"perf {command}: {d.status}, without {pattern}")
    return "; ".join(wrong), lines


if __name__ == "__main__":
    wrong, lines = check("build/kernel.elf", *sys.argv[1:])
    print("\n".join(lines))
    sys.exit(wrong or 0)

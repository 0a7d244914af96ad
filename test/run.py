# Runs all tests and prints one table: unit tests on the host, the kernel's and the programs' tests
# on each machine with each rule set, and the boots that must be refused.
#
#   test/run.py --build DIRECTORY [HOST_TEST...]
#
# Variables: T=name runs one case (or the family before its dot), TEST_EMU= and TEST_SMP= choose an
# emulator and a number of CPUs, SECS= is the time of the long tests. Tests print KTAP. A run with
# fewer tests than its plan fails.
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

sys.path.insert(0, "tools")
sys.path.insert(0, "test")
import agree  # noqa: E402
import bench_bounds  # noqa: E402
import busybox  # noqa: E402
import course  # noqa: E402
import debuggers  # noqa: E402
import docs_check  # noqa: E402
import emu  # noqa: E402
import firmware  # noqa: E402
import inputs  # noqa: E402
import kgdb  # noqa: E402
import make_exec  # noqa: E402
import names  # noqa: E402
import settings  # noqa: E402
import docs_site  # noqa: E402
import timeline  # noqa: E402
import together  # noqa: E402
import perf_data  # noqa: E402
import real_perf  # noqa: E402
import record_session  # noqa: E402
import screen  # noqa: E402
from boot import with_program  # noqa: E402
from report import (Case, Result, Skip, parse_ktap, print_failures, print_progress,  # noqa: E402
                    print_skips, print_table)

RULES = ["2009", "exact", "mainline"]
MACHINES = [("qemu", 1), ("qemu", 2), ("qemu", 4), ("bochs", 2)]
BOCHS_DIVISOR = 10  # of the loop counts
OFF = ("build/nohwbp/debug", "qemu", 2, "off")  # the kernel without breakpoints, and its column
CORE = "build/core/debug"  # the kernel without the parts above breakpoints
BOCHS_AMD = "ryzen"  # a model with SVM, which the usual one lacks
GUESTS = "guest"  # the family of tests that run on it
LENGTH = [f"seconds={settings.number('SECS', 0, 1)}"] if settings.variable("SECS") else []
TIMEOUT = {e: settings.timeout(s) for e, s in {"qemu": 600, "bochs": 900}.items()}
os.environ.pop("TIMEOUT", None)  # the commands of tests have their own limits
REFUSAL_TIMEOUT = 120
LONE_FEED = re.compile(rb"[^\r]\n")
HOST_TIMEOUT = 300
SOURCES = {"kernel": "test/kernel/*.c", "user": "test/user/*.[ch]"}
LOGS = "build/test"
ARCHIVE = "build/rootfs.cpio"


def read_lines(data):
    return data.decode(errors="replace").replace("\r", "").split("\n")


def save(column, data):
    path = f"{LOGS}/{column.replace(' ', '-')}.log"
    with open(path, "wb") as f:
        f.write(data)
    return path


@dataclass
class Boot:
    """A boot of a machine: its output, whether it went off in time, and its status."""
    output: bytes
    lines: list
    off: bool
    status: int  # None: unknown
    crash: str   # of the emulator; "": none
    log: str


def boot(name, timeout, *arguments, **options):
    output = bytearray()
    with emu.Machine(*arguments, **options) as m:
        m.start()
        off = m.pump(output.extend, timeout)
        return Boot(output, read_lines(output), off, m.status() if off else None,
                    m.crash() if off else "", save(name, output))


def one_case(case, wrong, lines):
    """The result of a boot that is one case. `wrong`: the reason of a failure, or ""; `lines`: the
    log."""
    log = save(case, "\n".join(lines).encode())
    return Result("boot", log, [Case(case, "FAIL" if wrong else "ok", wrong, lines)])


# ---- The three kinds of runs ----

def run_host(program, only):
    name = os.path.basename(program)
    try:
        done = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=HOST_TIMEOUT)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = late.stdout or b"", "time is up"
    cases, complaints = parse_ktap(read_lines(output), ["host"])
    if code != 0 and not any(c.verdict == "FAIL" for c in cases):
        complaints.append(f"ended with {code}")
    if only not in ("", name):
        cases = [c for c in cases if re.fullmatch(f"host {re.escape(only)}([.].*)?", c.name)]
    cases += [Case("host " + name, "FAIL", c, read_lines(output)) for c in complaints]
    return Result("host", save("host-" + name, output), cases)


def run_glibc(build, only):
    """The programs' tests, built with Debian's C library instead of musl."""
    with tempfile.TemporaryDirectory() as top:
        archive = with_program(top, "build/user/utest-glibc", "utest")
        return run_tests(build, "glibc 2009", ["user"], ["init=/bin/utest"], [only] if only else [],
                         "qemu", 2, archive=archive)


def run_machine(build, emulator, smp, rules, only):
    """All tests, or those named `only`, of the kernel and of the programs."""
    layers = [layer for layer in SOURCES if not only or mentions(SOURCES[layer], only)]
    words = ["init=" + ("/bin/utest" if "user" in layers else "/bin/true")]
    words += [f"slots={rules}"] if rules in RULES else []
    words += [f"test={only or 'all'}"] if "kernel" in layers else []
    return run_tests(build, f"{emulator}{smp} {rules}", layers, words, [only] if only else [],
                     emulator, smp)


def run_guests(build, only):
    """The tests of guests, on a CPU in Bochs that can run one."""
    return run_tests(build, "bochs2 amd", ["user"], ["init=/bin/utest"], [only or GUESTS], "bochs",
                     2, BOCHS_AMD)


def run_tests(build, column, layers, words, arguments, emulator, smp, cpu=None, archive=ARCHIVE):
    if emulator == "bochs":
        words = words + [f"test_div={BOCHS_DIVISOR}"]
        arguments = arguments + [f"div={BOCHS_DIVISOR}"]
    b = boot(column, TIMEOUT[emulator], build + "/kernel.elf", archive,
             words + ["--"] + arguments + LENGTH, emulator, smp, cpu=cpu,
             icount=settings.icount() and smp == 1)
    cases, complaints = parse_ktap(b.lines, layers)
    if LONE_FEED.search(b.output):
        complaints.append("a line feed without a carriage return: a terminal shows a staircase")
    if not b.off:
        complaints.append(f"stopped after {TIMEOUT[emulator]:g} seconds")
    elif not emu.EXITED.search(b.output):
        complaints.append(b.crash or "the machine went off before the programs' tests had ended")
    elif b.status and not any(c.verdict == "FAIL" for c in cases):
        complaints.append(f"the machine's status is {b.status}, but no test failed")
    whole = Case("complete-run", "FAIL" if complaints else "ok", "; ".join(complaints), b.lines)
    return Result(column, b.log, cases + [whole])


def core_sources():
    """The kernel's tests that include no header of the roof. The Makefile chooses the same."""
    for path in glob.glob(SOURCES["kernel"]):
        with open(path, encoding="utf-8") as f:
            if not re.search(r'"(linux|debug|arch/x86/user)/', f.read()):
                yield path


def run_core(emulator, smp, only):
    """The kernel's tests in the core."""
    return run_tests(CORE, f"{emulator}{smp} core", ["kernel"], [f"test={only or 'all'}"], [],
                     emulator, smp, archive=None)


DEMO = "core-demo"
DEMO_TASK = re.compile(r"  ([A-H]) +\d+ +([123]) +(\d+) +(\d+) +\d+ +\d+$")
DEMO_WRITES = 500  # by each task to each variable


def run_core_demo(emulator, smp):
    """The core with no words on its command line: it runs the demonstration, with exact counts."""
    case = f"{DEMO}.{emulator}{smp}"
    b = boot(case, TIMEOUT[emulator], CORE + "/kernel.elf", None, [], emulator, smp)
    tasks = [m.groups() for m in map(DEMO_TASK.match, b.lines) if m]
    wanted = [(chr(ord("A") + i), str(1 + i % 3)) + 2 * (str(DEMO_WRITES * (1 + i % 3)),)
              for i in range(8)]
    end = emu.EXITED.search(b.output)
    wrong = ("it did not end well" if not b.off or not end or int(end[1]) else
             "" if tasks == wanted else f"tasks {tasks}")
    return one_case(case, wrong, b.lines)


# Boots that must end by themselves, with one clear line and a failing status: the line, and the
# options that cause it.
REFUSALS = {
    "truncated-module": ("the module archive is broken", {}),
    "too-little-memory": ("memory", {"mem": 8}),
    "no-nx": ("no NX", {"cpu": "qemu64,-nx"}),
    "no-long-mode": ("no long mode", {"cpu": "qemu32"}),
    "wrong-magic": ("wrong boot magic", {"grub": False}),  # QEMU as the loader gives no multiboot2
}
NO_MODULE = "no-module"


def run_refusal(build, name):
    expected, options = REFUSALS[name]
    archive = ARCHIVE
    if name == "truncated-module":
        archive = LOGS + "/truncated.cpio"
        with open(ARCHIVE, "rb") as whole, open(archive, "wb") as part:
            part.write(whole.read()[:os.path.getsize(ARCHIVE) // 2])
    case = "boot-refusals." + name
    b = boot(case, REFUSAL_TIMEOUT, build + "/kernel.elf", archive, [], **options)
    clear = [line for line in b.lines if line.startswith("dr7: ") and expected in line]
    if b.off and b.status and len(clear) == 1:
        return Result("boot", b.log, [Case(case, "ok")])
    reason = f'wanted one line with "{expected}" and a failing status, not ' + (
        f"status {b.status}" if b.off else "a machine that goes on")
    return Result("boot", b.log, [Case(case, "FAIL", reason, b.lines)])


def run_no_module(build):
    """The image without an archive says that it has no programs, and its built-in tests pass."""
    case = "boot-refusals." + NO_MODULE
    b = boot(case, TIMEOUT["qemu"], build + "/kernel.elf", None, ["test=all"])
    cases, complaints = parse_ktap(b.lines, ["kernel"])
    failed = [c for c in cases if c.verdict == "FAIL"]
    complaints += [c.name + " failed" for c in failed]
    if not any("no programs" in line for line in b.lines):
        complaints.append("it does not say that it has no programs")
    if b.status != 0:
        complaints.append(f"status {b.status}")
    return Result("boot", b.log, [Case(case, "FAIL" if complaints else "ok",
                                       "; ".join(complaints),
                                       sum((c.lines for c in failed), []) or b.lines)])


# Faults of the kernel (debug/crash.h), and the lines that it must print.
WHERE = [r"cpu \d+, task main ", r"  \[[0-9a-f]{16}\] \w[\w.]*\+0x[0-9a-f]+$"]
IN = r"  \[[0-9a-f]{16}\] "
# An NMI at the first instruction of a tick hides the function that the tick interrupts.
IDLE = IN + "(sched_idle|kernel_main)"
PANICS = {
    "null": [r"PANIC: #PF in ring 0 at crash_if_asked\+0x", r"write of .*NULL pointer"] + WHERE,
    "panic": [r"PANIC: crash=panic$"] + WHERE,
    "nested": [r"PANIC inside a panic: #PF in ring 0 at \w+\+0x"],
    "overrun": [r"PANIC: stack overrun in overrun.*\+0x"] + WHERE,
    "stack": [r"PANIC: #DF in ring 0 at deeper.*\+0x", "the kernel stack is full"] + WHERE,
    "order": [r"PANIC: mutex: low \(rank 1\) taken by a task that holds ranks 400$"] + WHERE,
    "stuck": [r"PANIC: watchdog: cpu \d has taken no tick for 2 s$", "cpu ", IN + "crash_if_asked",
              r"cpu \d was in ring 0$", IDLE],
    "spin": [r"PANIC: watchdog: cpu \d has a switch due and makes none for 2 s$", "cpu ",
             IN + "crash_if_asked", r"cpu \d was in ring 0$", IDLE],
    "endless-test": [r"PANIC: test sched.no-starvation does not end$", r"cpu \d was in ring 0$"],
}
PANIC_STATUS = 0x2a  # kernel/base/panic.h


def run_panic(build, how):
    case = "panics." + how
    words = {"endless-test": ["test=sched.no-starvation", "test_limit=0"]}
    b = boot(case, REFUSAL_TIMEOUT, build + "/kernel.elf", ARCHIVE,
             words.get(how, ["crash=" + how]))
    lines = iter(b.lines)
    missing = [want for want in PANICS[how] if not any(re.match(want, line) for line in lines)]
    if not missing and b.status == PANIC_STATUS:
        return Result("boot", b.log, [Case(case, "ok")])
    reason = f"no line {missing[0]}" if missing else f"status {b.status}"
    return Result("boot", b.log, [Case(case, "FAIL", reason, b.lines)])


TOGETHER = "together"


def run_together(build):
    """Everything that uses breakpoints at once, gdb on the kernel included."""
    case = TOGETHER + "-gdb"
    wrong, log = together.run(build, ARCHIVE, LENGTH, TIMEOUT["qemu"])
    return Result("boot", save(case, log), [Case(case, "FAIL" if wrong else "ok", "; ".join(wrong),
                                                 read_lines(log))])


STAGE = re.compile(r" *(\d+\.\d{3}|-) ms  \w")
NR_STAGES = 8  # in kernel/main.c, and the first program


def wrong_stages(lines):
    """The boot announces each stage, and no time is less than the one before."""
    times = [float(m[1].replace("-", "0")) for m in map(STAGE.match, lines) if m]
    return "" if len(times) == NR_STAGES and times == sorted(times) else f"stages at {times}"


WATCH = "kernel-example"


def run_watch(build):
    """The option watch= prints which code writes the variable, from boot on. The test forks on each
    CPU in turn."""
    b = boot(WATCH, REFUSAL_TIMEOUT, build + "/kernel.elf", ARCHIVE,
             ["watch=next_tid", "init=/bin/utest", "--", "ksym-files"])
    wanted = [r"watch: next_tid is at 0x[0-9a-f]+, 4 bytes$"] + [
        rf"watch: next_tid: write on cpu {cpu}, task \d+ \(utest\) by task_new\+0x\w+ < clone\+"
        for cpu in (0, 1)]
    missing = [want for want in wanted if not any(re.match(want, line) for line in b.lines)]
    stages = wrong_stages(b.lines)
    if not missing and not stages and b.status == 0:
        return Result("boot", b.log, [Case(WATCH, "ok")])
    reason = f"no line {missing[0]}" if missing else stages or f"status {b.status}"
    return Result("boot", b.log, [Case(WATCH, "FAIL", reason, b.lines)])


def run_kgdb(build, scenario, emulator, smp):
    """The kernel's own stub under gdb."""
    case = f"kgdb.{scenario}-{emulator}{smp}"
    wrong, log = kgdb.run(build, ARCHIVE, scenario, emulator, smp, TIMEOUT[emulator])
    return one_case(case, "; ".join(wrong), read_lines(log))


def run_perf_data(build, emulator, smp):
    """A recording of dr7's perf, read by Linux's perf."""
    case = f"perf-data.{emulator}{smp}"
    wrong, log = perf_data.check(build, emulator, smp, f"{LOGS}/{case}")
    return one_case(case, "; ".join(wrong), [log] + wrong)


# Sessions at the console, and counts of instructions: name -> function. It returns what is wrong
# ("": nothing) and the output's lines.
SESSIONS = {
    "witness.bp": agree.check_bp,
    "witness.storm": agree.check_storm,
    "witness.flex": agree.check_flex,
    "bench-bounds": lambda build: bench_bounds.check(build + "/kernel.elf"),
    "bptop-screen": lambda build: screen.check_bptop(build + "/kernel.elf", ARCHIVE),
    "screen-vga": lambda build: firmware.check(build, shell="busybox"),
    "screen-uefi": lambda build: firmware.check(build, uefi=True, shell="busybox"),
    "uefi-usb-stick": lambda build: firmware.check(build, uefi=True, usb=True),
    "timeline.demo": lambda build: timeline.check(build, TIMEOUT["qemu"]),
    "timeline.core": lambda build: timeline.check(CORE, TIMEOUT["qemu"], CORE="1"),
    "recording": lambda build: record_session.check(TIMEOUT["qemu"]),
    "site": lambda build: docs_site.check(TIMEOUT["qemu"]),
    "timeline.million": lambda build: timeline.check_long(build),
    "busybox": lambda build: busybox.check(build + "/kernel.elf", TIMEOUT["qemu"]),
    "docs": lambda build: docs_check.check_quick(),
    "bad-input": lambda build: inputs.check(build),
    **debuggers.sessions(LOGS, TIMEOUT),
    "perf-tool": lambda build: real_perf.check(build + "/kernel.elf"),
    **course.sessions(TIMEOUT["qemu"]),
    "make-exec": lambda build: make_exec.check(build, LOGS, TIMEOUT["qemu"]),
}


def run_session(build, case):
    try:
        return one_case(case, *SESSIONS[case](build))
    except Skip as reason:
        return Result("boot", "", [Case(case, "skip", str(reason))])


# ---- What to run, and when ----

def mentions(pattern, name):
    """True if a source names this test, or a family before its dot."""
    for path in glob.glob(pattern):
        with open(path, encoding="utf-8") as f:
            if re.search(f'"{re.escape(name)}[".]', f.read()):
                return True
    return False


def choose(build, host_tests, only, only_emu, only_smp, hwbp, core):
    """The jobs as (processors, function, arguments), the widest and the slowest first."""
    jobs, on_machine = [], not only or any(mentions(pattern, only) for pattern in SOURCES.values())
    if not core and on_machine and (hwbp == "0" or not (hwbp or only_emu or only_smp)):
        jobs.append((OFF[2], run_machine, OFF + (only,)))
    if hwbp == "0":
        return jobs
    machines = [(e, s) for e, s in MACHINES if only_emu in ("", e) and only_smp in ("", str(s))]
    # A machine that is in no list is allowed, too.
    machines = machines or [(only_emu or "qemu", int(only_smp))]
    for e, s in machines:
        wide = 1 if e == "bochs" else s
        if not only or any(mentions(path, only) for path in core_sources()):
            jobs.append((wide, run_core, (e, s, only)))
        if only in ("", DEMO, f"{DEMO}.{e}{s}"):
            jobs.append((wide, run_core_demo, (e, s)))
    if core:
        return jobs
    if not (only_emu or only_smp):
        for program in host_tests:
            name = os.path.basename(program)
            if not only or only == name or mentions(f"test/host/{name}.c", only):
                jobs.append((1, run_host, (program, only)))
    if only_emu != "bochs":
        for name in list(REFUSALS) + [NO_MODULE]:
            if not only or only in ("boot-refusals", "boot-refusals." + name):
                jobs.append((2, run_no_module, (build,)) if name == NO_MODULE else
                            (1, run_refusal, (build, name)))
        for how in PANICS:
            if not only or only in ("panics", "panics." + how):
                jobs.append((1, run_panic, (build, how)))
        if only in ("", TOGETHER, TOGETHER + "-gdb") and only_smp in ("", str(together.CPUS)):
            jobs.append((together.CPUS, run_together, (build,)))
        if only in ("", WATCH):
            jobs.append((2, run_watch, (build,)))
        if not only or mentions(SOURCES["user"], only):
            jobs.append((2, run_glibc, (build, only)))
        jobs += [(1 if s.startswith("labs") else 2, run_session, (build, s)) for s in SESSIONS
                 if only in ("", s, s.split(".")[0])]
    for e, s in MACHINES:
        if only_emu not in ("", e) or only_smp not in ("", str(s)):
            continue
        if only in ("", "perf-data", f"perf-data.{e}{s}"):
            jobs.append((1 if e == "bochs" else s, run_perf_data, (build, e, s)))
        # The long scenario runs on every machine, the others on the quickest one.
        for name in list(kgdb.SCENARIOS)[:None if (e, s) == ("qemu", 2) else 1]:
            if only in ("", "kgdb", f"kgdb.{name}-{e}{s}"):
                jobs.append((1 if e == "bochs" else s, run_kgdb, (build, name, e, s)))
    if on_machine:
        for e, s in machines:
            jobs += [(1 if e == "bochs" else s, run_machine, (build, e, s, r, only)) for r in RULES]
    if only_emu != "qemu" and only_smp in ("", "2") and only.split(".")[0] in ("", GUESTS):
        jobs.append((1, run_guests, (build, only)))
    return sorted(jobs, key=lambda job: (-job[0], "bochs" not in job[2]))


def every_name():
    """The values of T=, without families."""
    found = names.in_sources([*SOURCES.values(), "test/host/t_*.c"]) | set(SESSIONS)
    found |= {"boot-refusals." + name for name in [*REFUSALS, NO_MODULE]}
    found |= {"panics." + how for how in PANICS} | {TOGETHER + "-gdb", WATCH, DEMO}
    found |= {"perf-data", "kgdb"}
    return found


def run_all(jobs):
    """Runs the jobs in this order, as many at once as the processors of this computer allow."""
    total = free = os.cpu_count() or 1
    changed, results = threading.Condition(), []

    def work(want, function, arguments):
        nonlocal free
        started = time.monotonic()
        try:
            result = function(*arguments)
        except (SystemExit, OSError, subprocess.SubprocessError) as problem:
            result = Result("boot", "", [Case(f"start {arguments}", "FAIL", str(problem))])
        finally:
            with changed:
                free += want
                changed.notify()
        print_progress(result, time.monotonic() - started)
        results.append(result)

    done = []
    with concurrent.futures.ThreadPoolExecutor(total) as pool:
        for want, function, arguments in jobs:
            want = min(want, total)
            with changed:
                changed.wait_for(lambda: free >= want)
                free -= want
            done.append(pool.submit(work, want, function, arguments))
    for job in done:
        job.result()  # raises unexpected exceptions of the job
    return results


def main():
    build, host_tests = sys.argv[2], sys.argv[3:]
    only, only_emu = settings.one_word("T"), settings.variable("TEST_EMU") and settings.emulator()
    only_smp = settings.variable("TEST_SMP") and str(settings.cpus())
    if only == "?":
        print("\n".join(sorted(every_name())))
        return
    os.makedirs(LOGS, exist_ok=True)
    jobs = choose(build, host_tests, only, only_emu, only_smp, os.environ.get("TEST_HWBP", ""),
                  settings.variable("CORE") == "1")
    if not jobs and only in every_name():
        sys.exit(f"dr7: {only} does not run with EMU={only_emu} SMP={only_smp}; leave them out")
    if not jobs:
        sys.exit(f"dr7: no test is named {only}"
                 + names.nearest(only, every_name(), "; `make test T=?` lists them"))

    results = run_all(jobs)
    order = ["host"] + [f"{e}{s} {r}" for e, s in MACHINES for r in RULES + ["core"]]
    print_table(results, order + ["qemu2 off", "bochs2 amd", "boot"])
    print(f"\nIn Bochs the loop counts are divided by {BOCHS_DIVISOR}.")
    print_skips(results)
    print_failures(results)
    verdicts = [c.verdict for r in results for c in r.cases]
    passed, failed, skipped = map(verdicts.count, ("ok", "FAIL", "skip"))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    emu.tidy(main)

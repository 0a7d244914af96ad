# Linux's perf reads the file that perf writes on dr7. `make exec` copies it to the host. The
# reports must show, sample by sample, what the traced program does.
import collections
import os
import re
import subprocess
import sys

PROGRAM = "traced"
SOURCE = f"test/perf/{PROGRAM}.c"
PERF = "build/user/bin/perf"
KERNEL_VARIABLE = "next_tid"  # each clone() writes it once
USAGE = 2  # the status of a wrong call
TIMEOUT = 300  # seconds, on a busy host
MANY = 2000  # hits, more than a buffer of one page holds

# How often each task calls top(), each time from another place in main(). TOUCHES: the accesses in
# the order of top(): the variable, the functions from the innermost to main, and the access in the
# innermost.
CALLS = {"offspring": 3, PROGRAM: 5}
TOUCHES = [
    ("counter", ["leaf", "middle", "top", "main"], "store"),
    ("total", ["top", "main"], "load"),
    ("total", ["top", "main"], "store"),
    ("counter", ["leaf", "top", "main"], "store"),
]

SAMPLE = re.compile(r"^\s*(\S+)\s+(\d+)/(\d+)\s+\[(\d+)\]\s+[\d.]+:"  # task and time
                    r"\s+(\d+)\s+(mem:\S+):\s+(\w+)$")
FRAME = re.compile(r"^\s+[0-9a-f]+ (\S+)\+0x([0-9a-f]+) ")
INSTRUCTION = re.compile(r"^ +([0-9a-f]+):\t(.*)$", re.M)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT,
                          stdin=subprocess.DEVNULL, **options)
    return done.returncode, done.stdout, done.stderr


def build(directory):
    """Builds the program at its path in dr7, below `directory`, where Linux's perf finds it."""
    os.makedirs(directory, exist_ok=True)
    path = f"{directory}/{PROGRAM}"
    code, _, said = run("musl-gcc", "-static", "-O0", "-g", "-o", path, SOURCE)
    if code:
        raise OSError(said)
    return path


def symbols(path):
    return {f[2]: int(f[0], 16) for f in map(str.split, run("nm", path)[1].splitlines())
            if len(f) == 3}


class Code:
    """Offsets in a function after certain instructions."""

    def __init__(self, path):
        text = run("objdump", "-d", "--no-show-raw-insn", path)[1]
        self.functions = {part.split(">:")[0].split("<")[-1]: INSTRUCTION.findall(part)
                          for part in text.split("\n\n")}

    def after(self, function, *wanted):
        """The offsets after the instructions that contain all of these words."""
        lines = self.functions[function]
        start = int(lines[0][0], 16)
        return [int(lines[i + 1][0], 16) - start for i, (_, text) in enumerate(lines[:-1])
                if all(w in text for w in wanted)]


def chain(code, comm, variable, functions, how):
    """Returns [(function, offset)]: the next instruction in each function."""
    accesses = code.after(functions[0], f"<{variable}>")
    frames = [(functions[0], accesses[0 if how == "load" else -1])]
    for callee, caller in zip(functions, functions[1:]):
        places = code.after(caller, "call", f"<{callee}>")
        frames.append((caller, places[list(CALLS).index(comm) if caller == "main" else 0]))
    return frames


def parse_script(text):
    """[(comm, pid, tid, cpu, period, event, address, [(function, offset)])], as printed."""
    samples = []
    for line in text.splitlines():
        head, frame = SAMPLE.match(line), FRAME.match(line)
        if head:
            comm, pid, tid, cpu, period, event, addr = head.groups()
            samples.append((comm, int(pid), int(tid), int(cpu), int(period), event, int(addr, 16),
                            []))
        elif frame and samples:
            samples[-1][-1].append((frame[1], int(frame[2], 16)))
    return samples


class Check:
    """One recording, and what is wrong with it."""

    def __init__(self, kernel_build, emulator, smp, directory):
        self.wrong = []
        self.log = ""
        self.kernel = os.path.abspath(kernel_build + "/kernel.elf")
        self.smp, self.directory = smp, directory
        self.root = directory + "/root"
        self.program = build(self.root)
        self.code = Code(self.program)
        self.at = {name: addr for name, addr in symbols(self.program).items()
                   if name in ("counter", "total")}
        self.at[KERNEL_VARIABLE] = symbols(self.kernel)[KERNEL_VARIABLE]
        self.settings = dict(os.environ, PROG=PERF, EMU=emulator, SMP=str(smp), APPEND="",
                             QEMU_FLAGS="", FILES=self.program, TIMEOUT=str(TIMEOUT))
        self.boot = [sys.executable, "-B", "tools/boot.py", "exec", "--build", kernel_build]

    def expect(self, what, got, want):
        if got != want:
            self.wrong.append(f"{what}: {got!r}, wanted {want!r}")

    def dr7(self, arguments, **settings):
        code, out, said = run(*self.boot, env=dict(self.settings, ARGS=arguments, **settings))
        self.log += out + said
        self.expect("status", code, 0)
        return out

    def perf(self, *arguments):
        code, out, said = run("perf", *arguments, "-i", self.data, "--symfs", self.root,
                              "-k", self.kernel)
        self.log += out + said
        self.expect("perf " + arguments[0], code, 0)
        return out

    def record(self):
        self.data = self.directory + "/perf.data"
        events = (f"mem:counter/8:w:u,mem:total/8:rw:u,"
                  f"mem:{self.at[KERNEL_VARIABLE]:#x}/4:w:k")
        out = self.dr7(f"record -g -o /dev/host -e {events} /{PROGRAM}", OUT=self.data)
        samples = len(TOUCHES) * sum(CALLS.values()) + 1
        said = re.match(rf"(\d+) (\d+)\s+\[ perf record: {samples} samples, 0 records lost", out)
        if said:
            self.tids = {PROGRAM: int(said[1]), "offspring": int(said[2])}
        else:
            self.wrong.append("record: " + out)

    def check_samples(self, source, samples, event_name):
        for comm, calls in CALLS.items():
            tid = self.tids[comm]
            mine = [s for s in samples if s[2] == tid and s[6] < 1 << 63]
            self.expect(f"{source}: samples of {comm}", len(mine), calls * len(TOUCHES))
            for s, (variable, functions, how) in zip(mine, TOUCHES * calls):
                kind = "w" if variable == "counter" else "rw"
                self.expect(f"{source}: {comm}", s[:3] + s[4:7],
                            (comm, tid, tid, 1, event_name(self.at[variable], 8, kind, "u"),
                             self.at[variable]))
                if s[3] >= self.smp:
                    self.wrong.append(f"{source}: cpu {s[3]}")
                # The callers of main are in the C library, which has no frame pointers.
                self.expect(f"{source}: {variable}", s[7][:len(functions)],
                            chain(self.code, comm, variable, functions, how))
        kernel = [s for s in samples if s[6] >= 1 << 63]
        self.expect(f"{source}: kernel", [s[:3] + s[4:7] for s in kernel], [
            (PROGRAM, self.tids[PROGRAM], self.tids[PROGRAM], 1,
             event_name(self.at[KERNEL_VARIABLE], 4, "w", "k"), self.at[KERNEL_VARIABLE])])
        return [name for name, _ in kernel[0][7]] if kernel else []

    def script(self):
        """Compares each sample in the output of Linux's perf and of dr7's perf."""
        text = self.perf("script", "-F",
                         "comm,pid,tid,cpu,time,period,event,addr,ip,sym,symoff,dso")
        times = [float(t) for t in re.findall(r"\] +([\d.]+):", text)]
        self.expect("order of time", times, sorted(times))
        names = self.check_samples("perf script", parse_script(text),
                                   lambda addr, size, kind, mode: f"mem:{addr:#x}:{kind}:{mode}H")
        for function in ("task_new", "sys_fork", "syscall_entry", "_Fork"):
            if function not in names:
                self.wrong.append(f"perf script: {function} is not in {names}")
        self.expect("a period of nothing", run(PERF, "record", "-c", "0", "true")[:2], (USAGE, ""))
        code, text, said = run(PERF, "script", "-i", self.data, "-s", self.root)
        self.expect("our script", (code, said), (0, ""))
        text = re.sub(r"^( *\S+ +)(\d+) \[", r"\1\2/\2 [", text, flags=re.M)  # pid/tid
        self.check_samples("our script", parse_script(re.sub(r" \[unknown\] ", " ?+0x0 ", text)),
                           lambda addr, size, kind, mode: f"mem:{addr:#x}/{size}:{kind}:{mode}")

    def tasks(self):
        """Names, mappings, births and deaths."""
        text = self.perf("script", "--show-task-events", "--show-mmap-events", "-F", "comm,tid")
        parent, child = self.tids[PROGRAM], self.tids["offspring"]
        seen = re.findall(r"PERF_RECORD_(?:COMM exec|COMM|FORK|EXIT).*", text)
        self.expect("tasks", sorted(seen), sorted([
            f"PERF_RECORD_COMM exec: {PROGRAM}:{parent}/{parent}",
            f"PERF_RECORD_FORK({child}:{child}):({parent}:{parent})",
            f"PERF_RECORD_COMM: offspring:{child}/{child}",
            f"PERF_RECORD_EXIT({child}:{child}):({parent}:{parent})",
            next((s for s in seen if s.startswith(f"PERF_RECORD_EXIT({parent}:{parent}):")), "?"),
        ]))
        maps = re.findall(r"PERF_RECORD_MMAP2? (\S+): .*: (\S+) (\S+)", text)
        self.expect("mappings", maps, [("-1/0", "x", "[kernel.kallsyms]_text"),
                                       (f"{parent}/{parent}", "r-xp", "/" + PROGRAM)])

    def report(self):
        """The sums."""
        text = self.perf("report", "--stdio", "--no-children", "-g", "none", "--sort", "comm,sym",
                         "-n", "-F", "sample,comm,sym", "-w", "10,20,20")
        got = collections.Counter()
        for count, comm, symbol in re.findall(r"^ +(\d+) +(\S+) +\[\S\] (\S+)", text, re.M):
            got[comm, symbol] += int(count)
        want = {(comm, function): 2 * calls for comm, calls in CALLS.items()
                for function in ("leaf", "top")}
        self.expect("perf report", dict(got), want | {(PROGRAM, "task_new"): 1})

    def flood(self):
        """No record is lost without a message. At most the record of the exit is among the lost
        ones."""
        out = self.dr7(f"record -m 1 -e mem:counter/8:w:u /{PROGRAM} {MANY}")
        said = re.search(r"(\d+) samples, (\d+) records lost", out)
        if not said or not MANY <= int(said[1]) + int(said[2]) <= MANY + 1:
            self.wrong.append("flood: " + out)
        out = self.dr7(f"record -c 100 -e mem:counter/8:w:u /{PROGRAM} {MANY}")
        if f" {MANY // 100} samples, 0 records lost" not in out:
            self.wrong.append("period: " + out)

    def stat(self):
        """The same accesses, counted by perf stat."""
        out = self.dr7(f"stat -e mem:counter/8:w:u,mem:total/8:rw:u,mem:leaf:x:u /{PROGRAM}")
        calls = sum(CALLS.values())
        for name in ("mem:counter/8:w:u", "mem:total/8:rw:u", "mem:leaf:x:u"):
            if not re.search(rf"^ +{2 * calls} +{name}\r?$", out, re.M):
                self.wrong.append("stat: " + out)
                break


def check(kernel_build, emulator, smp, directory):
    """(what is wrong, the log)"""
    c = Check(kernel_build, emulator, smp, directory)
    steps = [c.record, c.script, c.tasks, c.report, c.stat]
    if emulator != "bochs":  # it does not depend on the processor, and Bochs is slow
        steps.append(c.flood)
    for step in steps:
        if not c.wrong:
            step()
    return c.wrong, c.log

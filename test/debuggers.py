# `make gdb` and `make bochs` with any EMU=: they stop at the right place, know the names of the
# kernel and of a program, and leave the console to `make console`. One CPU, because with more
# Bochs' debugger misses breakpoints. Also the page of `make web`, if it exists.
import os
import pty
import re
import select
import subprocess
import sys
import time

import gdbserver
import web

DEMO = "build/user/bin/demo"
# At the first stop there is no task. At the second one tasks A to H have run, and one of them is at
# a hit.
GDB = """backtrace
dr7 tasks
tbreak perf_event_count
continue
dr7 regs
dr7 tasks
dr7 events
dr7 slots
dr7 locks
dr7 bt 2
info line main
kill
"""
ANSWERS = [
    r"Breakpoint 1, kernel_main \((.*\n)*.*#1 .* boot_high \(",
    r" TID +CPU state +switches name\n\*: it runs$",
    r"perf_event_count \(",
    r"^(?:\(gdb\) )?CPU 0: DR7 0x[0-9a-f]+$\n"
    r"  DR0 0x[0-9a-f]{16} w  8  event \d+ of [A-H] \(\d+\), \d+ hits$",
    r"^ +\d+ +0 runnable \* +\d+ [A-H]$",
    r"^[A-H] \(\d+\): event \d+, pinned, active, parked, type 5 at 0x[0-9a-f]+, 8 bytes, count",
    r"^(?:\(gdb\) )?rules SLOTS_2009, 15 breakpoints$",
    r"^ +0 +0 +0  3, 3, 2, 0$",
    r"^(?:\(gdb\) )?\d held$",
    r"^#\d +0x[0-9a-f]{16} reaper\+\d+ at sched/task\.c:\d+$",
    r"Line \d+ of .* starts at address 0x[0-9a-f]+ <main>",
    r"^(?:\(gdb\) )?\[the machine is off\]$",
]
BOCHS = "b task_new\nc\ninfo\nd 2\nb main\nc\nq\n"
BOCHS_ANSWER = (r"\(kernel_main\+0\)(.*\n)*.*\(task_new\+0\)(.*\n)*rip: ffffffff_80"
                r"(.*\n)*.*\(main\+0\)")
TYPED = [(b"dr7$ ", b"echo one  two\n"), (b"\r\none two\r\ndr7$ ", b"exit\n")]


def session(debugger, build, commands, timeout, **variables):
    other = "bochs" if debugger == "gdb" else "qemu"
    done = subprocess.run([sys.executable, "-B", "tools/debug.py", debugger, "--build", build],
                          input=commands, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout,
                          env=os.environ | {"EMU": other, "SMP": "1", "APPEND": "-- demo",
                                            "QEMU_FLAGS": ""} | variables)
    return done.stdout


def check(build, timeout):
    """What is wrong ("": nothing), and the log as lines."""
    said = session("gdb", build, GDB, timeout, PROG=DEMO)
    wrong = [f"make gdb: wanted {answer!r}" for answer in ANSWERS
             if not re.search(answer, said, re.M)]
    log = said
    said = session("bochs", build, BOCHS, timeout, PROG=DEMO)
    if not re.search(BOCHS_ANSWER, said):
        wrong.append(f"make bochs: wanted {BOCHS_ANSWER!r}")
    log += said
    said = session("bochs", build, "q\n", timeout, SMP="2")
    if not re.search(r"^\(0\) .*\(kernel_main\+[01]\)", said, re.M):
        wrong.append("make bochs SMP=2: it does not stop at kernel_main")
    log += said
    with open(build + "/kernel.sym", encoding="utf-8") as f:
        address = re.search("^([0-9a-f]+) kernel_main$", f.read(), re.M)[1]
    said = subprocess.run([sys.executable, "-B", "tools/decode.py", build + "/kernel.elf"],
                          input=f"before\n  [{address}] kernel_main+0x0\nafter\n", text=True,
                          stdout=subprocess.PIPE, timeout=timeout).stdout
    if not re.fullmatch(r"before\n  \[.*\n      kernel_main at kernel/main\.c:\d+\nafter\n", said):
        wrong.append("make decode: " + said)
    return "; ".join(wrong), (log + said).split("\n")


def check_console(build, timeout):
    """A shell at `make console`, while gdb has the machine."""
    gdb = subprocess.Popen([sys.executable, "-B", "tools/debug.py", "gdb", "--build", build],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                           stderr=subprocess.STDOUT,
                           env=dict(os.environ, SMP="1", QEMU_FLAGS="", PROG="",
                                    APPEND="init=/bin/init -- sh"))
    gdb.stdin.write("continue\n")
    gdb.stdin.flush()
    line = ""
    while "make console" not in line and (line := gdb.stdout.readline()):
        pass
    terminal, far = pty.openpty()
    console = subprocess.Popen([sys.executable, "-B", "tools/console.py"], stdin=far, stdout=far,
                               stderr=far)
    os.close(far)
    seen, waiting, deadline = b"", list(TYPED), time.monotonic() + timeout
    while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        seen += data
        if waiting and seen.endswith(waiting[0][0]):
            os.write(terminal, waiting.pop(0)[1])
    for program in (console, gdb):  # after a success both have ended
        program.terminate()
    left = console.wait()
    gdb.communicate()
    wrong = [f"not seen: {want}" for want, _ in waiting] + [f"status {left}"] * (left != 0)
    return "; ".join(wrong), seen.decode(errors="replace").splitlines()


def sessions(folder, timeout):
    """The tests by name, for test/run.py. `timeout`: by emulator."""
    return {
        "debuggers": lambda build: check(build, timeout["bochs"]),
        "debuggers.console": lambda build: check_console(build, timeout["qemu"]),
        "web": lambda build: web.check(),
        "gdbserver": lambda build: gdbserver.check(build, folder, timeout["qemu"]),
        "strace": lambda build: gdbserver.check_strace(build, folder, timeout["qemu"]),
    }

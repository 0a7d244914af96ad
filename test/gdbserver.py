# Debian's gdb, gdbserver and strace on dr7, unmodified: what a user does with them first. They are
# built by tools/debian.py, and left out where nobody has built them.
import os
import re
import subprocess
import sys

import debian
from report import Skip

DEBUGGEE = "test/gdb/debuggee.c"
# (commands of gdb, what it then says, as a regular expression)
SESSION = [
    (["break main", "run"], r"Breakpoint 1, main \("),
    (["watch counter if counter == 3", "continue"], r"Old value = 2\nNew value = 3"),
    (["print $xmm0.v4_int32", "print $ymm0"], r"= \{(-?\d+, ){3}-?\d+\}\n.* = void"),
    (["delete", "rwatch seen", "awatch counter", "continue"],
     r"Hardware access \(read/write\) watchpoint 4: counter\n\nOld value = 3\nNew value = 4"),
    (["continue"], r"Hardware access \(read/write\) watchpoint 4: counter\n\nValue = 4"),
    (["delete", "break sum_to", "continue", "next 2", "watch sum", "continue"],
     r"Hardware watchpoint 6: sum\n\nOld value = 0\nNew value = 1"),
    (["continue"], r"Old value = 1\nNew value = 3"),
    (["continue"], r"Watchpoint 6 deleted because the program has left the block"),
    (["delete", "watch *(char (*)[20])wide", "continue", "continue", "continue"],
     r"(Hardware watchpoint 7: (.*\n)*){3}"),
    (["print twice(21)"], r"= 42"),
    (["delete", "continue"], r"received signal SIGUSR1"),
    (["print counter", "break on_signal", "continue"], r"= 4\n(.*\n)*.*Breakpoint 8, on_signal"),
    # Several threads at once: gdb tells of one hit what came of all until then.
    (["delete", "watch shared", "while shared < 3", "continue", "end"],
     r'Thread \d "debuggee" hit Hardware watchpoint 9: shared\n(.*\n)*.*New value = 3\n'),
    (["info threads"], r"\* \d +Thread \d+\.\d+ \"debuggee\" add_one \("),
    (["delete", "catch fork", "continue"], r"Catchpoint 10 \(forked process"),
    (["set follow-fork-mode child", "set detach-on-fork on", "hbreak twice", "continue"],
     r"Breakpoint 11, twice \(x=2\)"),
    (["finish"], r"Value returned is \$\d+ = 4"),
    (["continue"], r"exited with code 04"),
    (["set follow-fork-mode parent", "delete", "catch syscall write",
      "handle SIGUSR1 nostop noprint", "run"],
     r"Catchpoint 12 \(call to syscall write\)"),
    (["continue"], r"returned from syscall write"),
    (["delete", "continue"], r"exited with code 03"),
    (["break main", "run", "watch counter", "detach"], r"\[Inferior \d \(process \d+\) detached\]"),
    (["monitor exit"], ""),
]
# (arguments of strace, what it then says)
TRACES = [
    ("-f", r"SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_TKILL(.*\n)*.*\+\+\+ exited with 4 \+\+\+\n"
           r"(.*\n)*.*\+\+\+ exited with 3 \+\+\+"),
    ("-c -f", r"100\.00 +\d+\.\d+ +\d+ +\d+ +\d+ total"),
    ("-f -e trace=%process",
     r"wait4( resumed>|\(\d+, )\[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 4"),
    ("-e inject=write:error=EIO", r"= -1 EIO \(Input/output error\) \(INJECTED\)"),
]


def built(name):
    if not os.path.exists(debian.path_of(name)):
        raise Skip(f"not built: python3 tools/debian.py {name}")
    return debian.path_of(name)


def debuggee(folder):
    path = folder + "/debuggee"
    subprocess.run(["gcc", "-O0", "-g", "-static", "-pthread", "-o", path, DEBUGGEE], check=True)
    return path


def answers(said):
    """What is wrong with gdb's output, in which each part of SESSION begins with its number."""
    wrong = []
    for n, (commands, want) in enumerate(SESSION):
        part = re.search(rf"@{n}@\n(.*?)(@{n + 1}@|\Z)", said, re.S)
        if not part or not re.search(want, part[1]):
            wrong.append(f"{'; '.join(commands)}: wanted {want!r}")
    return wrong


def check(build, folder, timeout):
    """What is wrong ("": nothing), and the log as lines."""
    built("gdbserver")
    script = folder + "/gdbserver.gdb"
    with open(script, "w", encoding="utf-8") as f:
        for n, (commands, _) in enumerate(SESSION):
            f.write(f"echo @{n}@\\n\n" + "\n".join(commands) + "\n")
    said = subprocess.run([sys.executable, "-B", "tools/debug.py", "gdbserver", "--build", build],
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout,
                          env=dict(os.environ, EMU="qemu", APPEND="", QEMU_FLAGS="", ARGS="",
                                   FILES="", OUT="", CMDS=script, PROG=debuggee(folder))).stdout
    return "; ".join(answers(said)), said.split("\n")


def check_strace(build, folder, timeout):
    """The same for strace."""
    wrong, log = [], ""
    for arguments, want in TRACES:
        done = subprocess.run([sys.executable, "-B", "tools/boot.py", "exec", "--build", build],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, text=True,
                              env=dict(os.environ, PROG=built("strace"), FILES=debuggee(folder),
                                       ARGS=arguments + " /debuggee", EMU="qemu", APPEND="",
                                       QEMU_FLAGS="", OUT=""))
        log += done.stdout
        if not re.search(want, done.stdout):
            wrong.append(f"strace {arguments}: wanted {want!r}")
    return "; ".join(wrong), log.split("\n")

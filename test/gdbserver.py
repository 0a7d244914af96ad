# Debian's unmodified gdb, gdbserver and strace on dr7, in a typical session. tools/debian.py builds
# them. Without them the tests are skipped.
#
#   KILLS=300 STARTS=10000 python3 -B test/gdbserver.py BUILD     both at length, by hand
import os
import re
import subprocess
import sys
import tempfile

sys.path[:0] = ["tools"]
import debian
import settings
from report import Skip

DEBUGGEE = "test/gdb/debuggee.c"
KILLS = settings.number("KILLS", 20)    # programs that gdb runs and kills
STARTS = settings.number("STARTS", 20)  # starts of strace; none may hang
# (commands of gdb, a regular expression for the output)
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
    # Several threads at once: at one stop gdb shows the result of all hits until then.
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
# Short forms of faults that long use of gdb has found. Without a sysroot gdb does not fetch the
# program from the machine each time. The pid comes from a variable, not from a call in the program:
# after a call, gdbserver's detach ends the process, on Linux too.
LONGER = [
    (["set confirm off", "set args exec", "catch exec", "run"], r"\(exec'd .*debuggee\)"),
    (["print counter", "delete", "continue"], r"= 0\n(.*\n)*.*exited with code 05"),
    (["set sysroot", "set exec-file-mismatch off", "set args many", "break all_there", "run",
      "print $_inferior_thread_count", "print shared"],
     r"Breakpoint \d, all_there (.*\n)*.*= 201\n.*= 200"),
    (["delete", "continue"], r"exited with code 06"),
    (["set args", "break sum_to", "run", "record", "next 3", "print sum", "reverse-next",
      "reverse-next", "next", "print sum", "record stop"],
     r"= 1\n(.*\n)*.*= 1\n(.*\n)*.*Process record is stopped"),
    (["delete", "set args stores", "tbreak store", "set $n = 0", f"while $n < {KILLS}", "run",
      "kill", "tbreak store", "set $n = $n + 1", "end", "print $n"], rf"= {KILLS}"),
    (["delete", "set args stores", "break store", "run", "set $pid = pid", "delete", "detach",
      "set $n = 0", "while $n < 50", 'eval "attach %d", $pid', "detach", "set $n = $n + 1", "end",
      'eval "attach %d", $pid', "print $n", "watch counter", "continue"],
     r"= 50\n(.*\n)*.*Hardware watchpoint \d+: counter\n(.*\n)*.*New value = "),
    (["kill", "monitor exit"], ""),
]
# With `target remote`, and threads that go on while others are stopped.
NON_STOP = [
    (["break all_there", "continue", "info threads"],
     r"Thread \d+\.\d+ .*all_there \((.*\n)*(.*\(running\)\n){200}"),
    (["interrupt -a", "kill"], ""),
]
# (arguments of strace, a regular expression for the output)
TRACES = [
    ("-f", r"SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_TKILL(.*\n)*.*\+\+\+ exited with 4 \+\+\+\n"
           r"(.*\n)*.*\+\+\+ exited with 3 \+\+\+"),
    ("-c -f", r"100\.00 +\d+\.\d+ +\d+ +\d+ +\d+ total"),
    ("-f -e trace=%process",
     r"wait4( resumed>|\(\d+, )\[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 4"),
    ("-e inject=write:error=EIO", r"= -1 EIO \(Input/output error\) \(INJECTED\)"),
]
# The same with lines of busybox' shell: attach to a process that runs, and many starts.
SHELL = "/bin/busybox"
SHELL_TRACES = [
    ("/busybox sleep 2 & /strace -p $!",
     r"strace: Process \d+ attached\n(.*\n)*.*\+\+\+ exited with 0 \+\+\+"),
    (f"i=0; while [ $i -lt {STARTS} ] && /strace -o /tmp/trace /busybox true; do i=$((i+1)); done;"
     " echo $i starts", rf"^{STARTS} starts$"),
]


def built(name):
    if not os.path.exists(debian.path_of(name)):
        raise Skip(f"not built: make {debian.path_of(name)}")
    return debian.path_of(name)


def debuggee(folder):
    path = folder + "/debuggee"
    subprocess.run(["gcc", "-O0", "-g", "-static", "-pthread", "-o", path, DEBUGGEE], check=True)
    return path


def script(folder, session):
    """Makes a file of commands for gdb. The output of part N begins with @N@."""
    path = folder + "/gdbserver.gdb"
    with open(path, "w", encoding="utf-8") as f:
        for n, (commands, _) in enumerate(session):
            f.write(f"echo @{n}@\\n\n" + "\n".join(commands) + "\n")
    return path


def answers(session, said):
    """What is wrong with gdb's output."""
    wrong = []
    for n, (commands, want) in enumerate(session):
        part = re.search(rf"@{n}@\n(.*?)(@{n + 1}@|\Z)", said, re.S)
        if not part or not re.search(want, part[1]):
            wrong.append(f"{'; '.join(commands)}: wanted {want!r}")
    return wrong


def run_session(build, folder, session, timeout):
    return subprocess.run([sys.executable, "-B", "tools/debug.py", "gdbserver", "--build", build],
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout,
                          env=dict(os.environ, EMU="qemu", APPEND="", QEMU_FLAGS="", ARGS="",
                                   FILES="", OUT="", CMDS=script(folder, session),
                                   PROG=debuggee(folder))).stdout


def run_non_stop(build, folder, timeout):
    program = debuggee(folder)
    server = f"{sys.executable} -B tools/boot.py exec --build {build}"
    return subprocess.run(["gdb", "-q", "-nx", "-batch", "-iex", "set non-stop on",
                           "-iex", "set remotetimeout 60", "-ex", "target remote | " + server,
                           "-x", script(folder, NON_STOP), program],
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout,
                          env=dict(os.environ, PROG=built("gdbserver"), FILES=program,
                                   ARGS="- /debuggee many", EMU="qemu", APPEND="", QEMU_FLAGS="",
                                   OUT="", TIMEOUT="0")).stdout


def check(build, folder, timeout):
    """What is wrong ("": nothing), and the log as lines."""
    built("gdbserver")
    wrong, log = [], ""
    for session in SESSION, LONGER:
        said = run_session(build, folder, session, timeout)
        wrong, log = wrong + answers(session, said), log + said
    said = run_non_stop(build, folder, timeout)
    return "; ".join(wrong + answers(NON_STOP, said)), (log + said).split("\n")


def check_strace(build, folder, timeout):
    """The same for strace."""
    strace, program = built("strace"), debuggee(folder)
    runs = [(strace, program, f"{arguments} /debuggee", want) for arguments, want in TRACES]
    runs += [(SHELL, strace, f"sh -c '{line}'", want) for line, want in SHELL_TRACES]
    wrong, log = [], ""
    for prog, files, arguments, want in runs:
        done = subprocess.run([sys.executable, "-B", "tools/boot.py", "exec", "--build", build],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, text=True,
                              env=dict(os.environ, PROG=prog, FILES=files,
                                       ARGS=arguments, EMU="qemu", APPEND="", QEMU_FLAGS="",
                                       OUT="", TIMEOUT=str(timeout or 0)))
        log += done.stdout
        if not re.search(want, done.stdout, re.M):
            wrong.append(f"{prog} {arguments}: wanted {want!r}")
    return "; ".join(wrong), log.split("\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as top:
        for whole in check, check_strace:
            wrong, lines = whole(sys.argv[1], top, None)
            print("\n".join(lines), wrong or "ok", sep="\n")

# What `make run` and `make exec` do.
#
#   boot.py run|exec --build DIRECTORY     with the make variables in the environment
import contextlib
import os
import re
import select
import shutil
import signal
import stat
import struct
import sys
import tempfile
import termios
import time
import tty

import mkiso
import settings
from emu import EXITED, IAC, KILLED, NOT_STARTED, POWERED_OFF, WHERE, Machine, tidy
from emu import without_question
from settings import emulator, variable, words_of

CORE = variable("CORE") == "1"
ARCHIVE = None if CORE else "build/rootfs.cpio"  # the core boots alone
EXEC_TIMEOUT = {"qemu": 60, "bochs": 300}  # seconds, unless TIMEOUT= says otherwise
TAIL = 4096  # bytes of output in which the kernel's last line must be
LOOK = 0.5   # seconds between two checks of how long the machine has been quiet
QUIET = 3.0  # seconds without output until the next line of a script is typed
FIRST = 60.0  # the same before the first prompt: the machine may still boot
END_OF_FILE = b"\x04"  # Ctrl-D
PROMPTS = (b"$ ", b"# ", b"> ", b") ", WHERE)
DEFAULT_SHELL = "busybox"
SHELL = "build/user/bin/sh"
SIGNALS = {s.value: s.name for s in signal.Signals}
LAST_WORDS = re.compile(rb"^(?:dr7: |PANIC)[^\r\n]*", re.M)


def machine(build, archive, words, arguments, emu=None, **options):
    """A machine with the settings EMU, SMP, MEM, APPEND and QEMU_FLAGS. `words` go to the kernel,
    and `arguments` to init, unless APPEND has arguments after a "--"."""
    append = words_of("APPEND")
    if "--" in append:
        at = append.index("--")
        append, arguments = append[:at], append[at + 1:]
    return Machine(build + "/kernel.elf", archive, words + append + ["--"] + arguments,
                   emu or emulator(), settings.cpus(), settings.megabytes(),
                   flags=words_of("QEMU_FLAGS"), uefi=settings.uefi(),
                   icount=settings.icount(), **options)


def write_out(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def with_program(top, program, name):
    """Makes an archive in the folder `top`: the usual one with this program as /bin/NAME."""
    shutil.copytree(os.path.splitext(ARCHIVE)[0], top + "/root", symlinks=True)
    shutil.copy(program, f"{top}/root/bin/{name}")
    mkiso.make_archive(top + "/archive", top + "/root")
    return top + "/archive"


def run(build):
    """The console on this terminal. If standard input is no terminal, its lines are typed at the
    shell. If it has none, the demonstration runs and the machine goes off."""
    if CORE:
        return console(build, ARCHIVE, [])
    shell = variable("SHELL_PROG", DEFAULT_SHELL)
    ours = os.path.isfile(f"{os.path.splitext(ARCHIVE)[0]}/bin/{shell}")
    program = None if ours else settings.program("SHELL_PROG", shutil.which(shell) or shell)
    if not sys.stdin.isatty() and not has_script():
        return console(build, ARCHIVE, ["demo"])
    name = os.path.basename(shell)
    session = [name] if shell != DEFAULT_SHELL or has_script() else []
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        console(build, ARCHIVE if ours else with_program(top, program, name), session)


def has_script():
    """True if the input is a file or a pipe that has data now."""
    kind = os.fstat(0).st_mode
    return (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)) and bool(select.select([0], [], [], 0)[0])


def console(build, archive, arguments):
    timeout = settings.timeout(0)
    tail = b""

    def sink(data):
        nonlocal tail
        tail = (tail + data)[-TAIL:]
        write_out(data)

    with machine(build, archive, ["init=/bin/init"], arguments) as m:
        m.start()
        if sys.stdin.isatty():
            off = on_terminal(m, sink, timeout)
        elif archive and has_script():
            off = type_script(m, sink, timeout)
        else:
            off = m.pump(sink, timeout)
        if not off and timeout:
            sys.exit(f"dr7: stopped after {timeout:g} seconds (TIMEOUT=)")
        exited = EXITED.search(tail)
        if off and exited:
            sys.exit(int(exited[1]) or bool(m.status()))  # the kernel has printed the reason
        if off and (m.status() or not POWERED_OFF.search(tail)):
            sys.exit(" ".join(["dr7: the machine went off with an error", m.complaints()]))


def on_terminal(m, sink, timeout):
    """Sends the machine each key, and the size of the terminal when it changes."""
    print("dr7: Ctrl-A X ends the machine", file=sys.stderr)
    notices, notice = os.pipe()
    signal.signal(signal.SIGWINCH, lambda *_: os.write(notice, size_of_terminal()))
    os.write(notice, size_of_terminal())
    with raw_terminal():
        return m.pump(sink, timeout, keyboard=0, escape=True, notices=notices)


@contextlib.contextmanager
def raw_terminal():
    """Lets every key of this terminal reach the machine."""
    saved = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
        print(file=sys.stderr)


def size_of_terminal():
    """In the form of RFC 1073: IAC SB NAWS, width, height, IAC SE."""
    try:
        columns, rows = os.get_terminal_size(0)
    except OSError:
        return b""
    numbers = struct.pack(">HH", columns, rows).replace(bytes([IAC]), bytes([IAC, IAC]))
    return bytes([IAC, 250, 31]) + numbers + bytes([IAC, 240])


def type_script(m, sink, timeout):
    """Types the lines of the input. Each line waits for a prompt, or for some time without output.
    At the end it types the end of file to each program that still reads. The machine keeps and
    echoes a line that was typed too early."""
    lines, (keyboard, keys) = list(sys.stdin.buffer), os.pipe()
    deadline, held = time.monotonic() + timeout if timeout else float("inf"), b""
    quiet, since, echoed = FIRST, m.clock(), True

    def type_next():
        nonlocal since, echoed
        since, echoed = m.clock(), False
        os.write(keys, lines.pop(0).rstrip(b"\n") + b"\n" if lines else END_OF_FILE)

    def listen(data):
        nonlocal held, quiet, since, echoed
        since, echoed = m.clock(), echoed or b"\n" in data
        said = held + data
        shown, _, held = without_question(said)  # no terminal is here to answer
        sink(shown)
        if echoed and said.endswith(PROMPTS):  # a part of an echo may look like a prompt
            quiet = QUIET
            type_next()

    while not m.pump(listen, LOOK, keyboard=keyboard):
        if time.monotonic() >= deadline:
            return False
        if m.clock() - since >= quiet:
            type_next()
    return True


def exec_program(build):
    """Runs one program: its output is the only output, and its status is the status. Data that it
    writes to /dev/host goes to the file OUT=."""
    path = settings.program("PROG", variable("PROG"))
    name, out = os.path.basename(path), variable("OUT")
    timeout = settings.timeout(EXEC_TIMEOUT[emulator()])
    if out:
        open(out, "wb").close()  # fails before the machine starts
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        root = top + "/root"
        os.makedirs(root + "/bin")
        shutil.copy(SHELL, root + "/bin/sh")  # for system(3), and for gdbserver
        for file in [path] + words_of("FILES"):
            target = f"{root}/{os.path.basename(file)}"
            if not os.path.isfile(file) or os.path.exists(target):
                sys.exit(f"dr7: {file}: no such file, or two of this name")
            shutil.copy(file, target)
        os.chmod(f"{root}/{name}", 0o755)
        mkiso.make_archive(top + "/archive", root)
        with machine(build, top + "/archive", ["init=/" + name, "tty=raw", "log=com2", "vga=0"],
                     words_of("ARGS"), to_host=bool(out)) as m:
            held = b""  # text before the log's first line: a refusal to boot

            def sink(data):
                nonlocal held
                held += data
                if m.com2_output:
                    write_out(held)
                    held = b""

            m.start()
            off = m.pump(sink, timeout, keyboard=0, stream=True)
            if m.com2_output:
                write_out(held)
                held = b""
            log, complaints = m.com2_output + held, m.complaints()
            if out:
                with open(out, "wb") as f:
                    f.write(m.host_output)

    exited, killed, failed, powered = (line.search(log) for line in
                                       (EXITED, KILLED, NOT_STARTED, POWERED_OFF))
    if not off:
        verdict = f"stopped after {timeout:g} seconds (TIMEOUT=)"
    elif exited:
        verdict = "exit status " + exited[1].decode()
    elif killed:
        verdict = "killed by " + SIGNALS.get(int(killed[1]), "signal " + killed[1].decode())
    elif failed:
        verdict = f"dr7: {path}: " + os.strerror(int(failed[1]))
    elif powered:
        verdict = "powered off by " + powered[1].decode(errors="replace")
    else:
        last = LAST_WORDS.findall(log)
        verdict = last[-1].decode() if last else "the machine went off: " + complaints
    print(verdict, file=sys.stderr)
    if off and (int(exited[1]) == 0 if exited else powered):
        return
    saved = f"build/exec-{name}-{os.getpid()}.log"
    with open(saved, "wb") as f:
        f.write(log.replace(b"\r\n", b"\n"))
    print("kernel messages:", saved, file=sys.stderr)
    sys.exit(int(exited[1]) if off and exited else 128 + int(killed[1]) if off and killed else 1)


def main():
    actions = {"run": run, "exec": exec_program}
    actions[sys.argv[1]](sys.argv[3])


if __name__ == "__main__":
    tidy(main)

# What `make run`, `make exec`, `make gdb`, `make kgdb` and `make bochs` do.
#
#   boot.py run|exec|gdb|kgdb|bochs --build DIRECTORY     with the make variables in the environment
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty

import mkiso
from emu import EXITED, KILLED, NOT_STARTED, POWERED_OFF, Machine, tidy

ARCHIVE = "build/rootfs.cpio"
EXEC_TIMEOUT = {"qemu": 60, "bochs": 300}  # seconds, unless TIMEOUT= says otherwise
KERNEL_BASE = 0xffffffff80000000  # arch/x86/layout.h
TAIL = 4096  # bytes of output in which the kernel's last line must be
SIGNALS = {s.value: s.name for s in signal.Signals}
LAST_WORDS = re.compile(rb"^(?:dr7: |PANIC)[^\r\n]*", re.M)


def variable(name, otherwise=""):
    return os.environ.get(name) or otherwise


def number(name, otherwise, kind=int):
    text = variable(name, otherwise)
    try:
        return kind(text)
    except ValueError:
        sys.exit(f"dr7: {name}={text} is no number")


def words_of(name):
    """A variable's words, as the shell would split them."""
    try:
        return shlex.split(variable(name))
    except ValueError as problem:
        sys.exit(f"dr7: {name}=: {problem}")


def program():
    """What `make exec` and `make linux` run."""
    path = variable("PROG")
    if not os.path.isfile(path):
        sys.exit("dr7: PROG= must name a static ELF file")
    return path


def machine(build, archive, words, arguments, emu=variable("EMU", "qemu"), **options):
    """A machine as EMU, SMP, MEM, APPEND and QEMU_FLAGS want it. `words` go to the kernel, and
    `arguments` to init, unless APPEND has some after a "--"."""
    append = words_of("APPEND")
    if "--" in append:
        at = append.index("--")
        append, arguments = append[:at], append[at + 1:]
    if emu not in ("qemu", "bochs"):
        sys.exit("dr7: EMU= is qemu or bochs")
    return Machine(build + "/kernel.elf", archive, words + append + ["--"] + arguments, emu,
                   number("SMP", "2"), number("MEM", "256"), flags=words_of("QEMU_FLAGS"),
                   **options)


def write_out(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def with_program(top, program, name):
    """An archive in the folder `top`: the usual one, and this program as /bin/NAME."""
    shutil.copytree(os.path.splitext(ARCHIVE)[0], top + "/root", symlinks=True)
    shutil.copy(program, f"{top}/root/bin/{name}")
    mkiso.make_archive(top + "/archive", top + "/root")
    return top + "/archive"


def run(build):
    """The console on this terminal. Without a terminal: the demonstration, then off."""
    shell = variable("SHELL_PROG")
    if not shell:
        return console(build, ARCHIVE, [] if sys.stdin.isatty() else ["demo"])
    program = shutil.which(shell)
    if not program:
        sys.exit(f"dr7: SHELL_PROG={shell}: there is no such program")
    name = os.path.basename(program)
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        console(build, with_program(top, program, name), [name])


def console(build, archive, arguments):
    terminal = sys.stdin.isatty()
    timeout = number("TIMEOUT", "0", float)
    tail = b""

    def sink(data):
        nonlocal tail
        tail = (tail + data)[-TAIL:]
        write_out(data)

    with machine(build, archive, ["init=/bin/init"], arguments) as m:
        m.start()
        if not terminal:
            off = m.pump(sink, timeout)
        else:
            print("dr7: Ctrl-A X ends the machine", file=sys.stderr)
            saved = termios.tcgetattr(0)
            tty.setraw(0)
            try:
                off = m.pump(sink, timeout, keyboard=0, escape=True)
            finally:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
                print(file=sys.stderr)
        if not off and timeout:
            sys.exit(f"dr7: stopped after {timeout:g} seconds (TIMEOUT=)")
        if off:
            exited = EXITED.search(tail)
            well = int(exited[1]) == 0 if exited else POWERED_OFF.search(tail)
            if m.status() or not well:
                sys.exit(" ".join(["dr7: the machine went off with an error", m.complaints()]))


def exec_program(build):
    """One program alone: its output is the only output, and its status decides. What it writes to
    /dev/host goes to the file OUT=."""
    path = program()
    name, out = os.path.basename(path), variable("OUT")
    timeout = number("TIMEOUT", EXEC_TIMEOUT.get(variable("EMU", "qemu"), 0), float)
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        root = top + "/root"
        os.mkdir(root)
        for file in [path] + words_of("FILES"):
            target = f"{root}/{os.path.basename(file)}"
            if not os.path.isfile(file) or os.path.exists(target):
                sys.exit(f"dr7: {file}: no such file, or two of this name")
            shutil.copy(file, target)
        os.chmod(f"{root}/{name}", 0o755)
        mkiso.make_archive(top + "/archive", root)
        with machine(build, top + "/archive", ["init=/" + name, "tty=raw", "log=com2", "vga=0"],
                     words_of("ARGS"), to_host=bool(out)) as m:
            held = b""  # what comes before the log's first line, a refusal to boot

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
        f.write(log)
    sys.exit("kernel messages: " + saved)


def gdb(build):
    """QEMU's stub under gdb, stopped where the kernel's C begins."""
    console = build + "/gdb-console.txt"
    with machine(build, ARCHIVE, ["init=/bin/init"], [], "qemu") as m:
        stub = m.dir + "/gdb"
        m.flags += ["-S", "-gdb", f"unix:{stub},server=on,wait=off"]
        m.spawn(m.qemu_command("file:" + console, "null"))
        print("dr7: the machine's console is written to", console, flush=True)
        while not os.path.exists(stub) and m.process.poll() is None:
            time.sleep(0.01)
        subprocess.call(["gdb", "-q", "-ex", "set pagination off",
                         "-ex", "target remote " + stub, "-ex", "hbreak kernel_main",
                         "-ex", "continue", build + "/kernel.elf"])


def kgdb(build):
    """The kernel's own stub under gdb: the machine, QEMU or Bochs, waits for it at boot."""
    console = build + "/kgdb-console.txt"
    with machine(build, ARCHIVE, ["kgdbwait", "init=/bin/init"], []) as m, open(console, "wb") as f:
        port = m.start(serve_com2=True)

        def sink(data):
            f.write(data)
            f.flush()

        pump = threading.Thread(target=m.pump, args=(sink,))
        pump.start()
        print("dr7: the machine's console is written to", console, flush=True)
        subprocess.call(["gdb", "-q", "-ex", "set pagination off", "-ex", "set remotetimeout 30",
                         "-ex", "target remote " + port, build + "/kernel.elf"])
        m.process.kill()
        pump.join()


def bochs(build):
    """Bochs' own debugger on this terminal."""
    console = build + "/bochs-console.txt"
    with open(build + "/kernel.sym", encoding="utf-8") as f:
        symbols = {name: int(address, 16) for address, name in (line.split() for line in f)}
    with machine(build, ARCHIVE, ["init=/bin/init"], [], "bochs") as m:
        command = m.bochs_command(f'mode=file, dev="{console}"', "mode=null",
                                  more=f'debug_symbols: file="{build}/kernel.sym"\n',
                                  debugger=['lb "kernel_main"', "c"])
        print("dr7: the machine's console is written to", console, flush=True)
        m.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=feed_bochs, args=(m.process.stdin, symbols), daemon=True).start()
        m.process.wait()


def feed_bochs(to, symbols):
    """What is typed, until Bochs ends. Not by sys.stdin, which nobody may be reading then."""
    try:
        with to, open(0, "rb", buffering=0, closefd=False) as typed:
            for line in typed:
                to.write(bochs_command(line.decode(errors="replace"), symbols))
    except BrokenPipeError:
        pass


def bochs_command(line, symbols):
    """What Bochs wants for what is natural to type: `b schedule` is `lb "schedule"` (its own `b`
    takes a physical address, as `watch w name` does); `info` alone shows the registers."""
    words = line.split()
    if words[:1] == ["watch"]:
        words[2:] = [hex(symbols[w] - KERNEL_BASE) if w in symbols else w for w in words[2:]]
    elif words[:1] in (["b"], ["break"], ["lb"], ["u"], ["x"]):
        words[1:] = [f'"{w}"' if w in symbols else w for w in words[1:]]
        if words[0] in ("b", "break"):
            words[0] = "lb"
    elif words == ["info"]:
        words = ["r"]
    else:
        return line
    return " ".join(words) + "\n"


def main():
    if sys.argv[1] in ("gdb", "kgdb", "bochs"):
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the debugger
    actions = {"run": run, "exec": exec_program, "gdb": gdb, "kgdb": kgdb, "bochs": bochs}
    actions[sys.argv[1]](sys.argv[3])


if __name__ == "__main__":
    tidy(main)

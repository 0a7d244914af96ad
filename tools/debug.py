# What `make gdb`, `make kgdb`, `make gdbserver` and `make bochs` do.
#
#   debug.py gdb|kgdb|gdbserver|bochs --build DIRECTORY
#
# The make variables are in the environment.
#
# CMDS=file: commands for the debugger, which then ends. PROG=file: a program whose symbols the
# debugger loads, too.
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

import console
import debian
import settings
from boot import ARCHIVE, machine
from emu import tidy
from settings import variable, words_of

KERNEL_BASE = 0xffffffff80000000  # arch/x86/layout.h


def gdb(build):
    """Runs gdb on QEMU's stub. The machine stops where the kernel's C begins."""
    with machine(build, ARCHIVE, ["init=/bin/init", "watchdog=0"], [], "qemu") as m:
        stub, com1 = m.dir + "/gdb", m.dir + "/com1"
        m.flags += ["-S", "-gdb", f"unix:{stub},server=on,wait=off"]
        listener = socket.create_server(com1, family=socket.AF_UNIX)
        m.errors = open(m.dir + "/errors", "w+b")
        m.spawn(m.qemu_command("unix:" + com1, "null"))
        console.offer(m.accept(listener), build + "/gdb-console.txt")
        while not os.path.exists(stub) and m.process.poll() is None:
            time.sleep(0.01)
        run_gdb(build, m, "-ex", "target remote " + stub, "-ex", "hbreak kernel_main",
                "-ex", "continue")


def run_gdb(build, m, *options):
    """Runs gdb on the machine's kernel, with these first commands."""
    program = settings.program("PROG", variable("PROG")) if variable("PROG") else ""
    symbols = ["-ex", "add-symbol-file " + program] if program else []
    call_gdb(build + "/kernel.elf", "-ex", f"set $machine = {m.process.pid}",
             "-x", "tools/gdb.py", *symbols, *options)


def call_gdb(program, *options):
    """Runs gdb on this terminal, with its first commands, then those of CMDS=. Exits with gdb's
    status: 1 if a command failed."""
    script = ["-batch", "-x", commands().name] if variable("CMDS") else []
    sys.exit(subprocess.call(["gdb", "-q", "-ex", "set pagination off", "-ex", "set confirm off",
                              *options, *script, program]))


def commands():
    """The file that has the debugger's commands."""
    return open(variable("CMDS") or 0, "rb", buffering=0, closefd=bool(variable("CMDS")))


def kgdb(build):
    """Runs gdb on the kernel's own stub. The machine, QEMU or Bochs, waits for gdb at boot."""
    with machine(build, ARCHIVE, ["kgdbwait", "init=/bin/init"], []) as m:
        port = m.start(serve_com2=True)
        console.offer(m.com1, build + "/kgdb-console.txt")
        run_gdb(build, m, "-ex", "set remotetimeout 30", "-ex", "target remote " + port)


def gdbserver(build):
    """Runs gdb on the program PROG=, with Debian's gdbserver in the machine. `run` starts it."""
    program = settings.program("PROG", variable("PROG"))
    here = {"PROG": debian.build("gdbserver"), "FILES": shlex.join([program, *words_of("FILES")]),
            "ARGS": "--multi -", "OUT": "", "TIMEOUT": variable("TIMEOUT", "0")}
    server = shlex.join(["env", *(f"{name}={value}" for name, value in here.items()),
                         sys.executable, "-B", "tools/boot.py", "exec", "--build", build])
    call_gdb(program, "-ex", "set remotetimeout 60",
             "-ex", "target extended-remote | " + server,
             "-ex", "set remote exec-file /" + os.path.basename(program))


def bochs(build):
    """Runs Bochs' own debugger on this terminal."""
    symbols = symbols_of(build)
    typed = commands()
    with machine(build, ARCHIVE, ["init=/bin/init", "watchdog=0"], [], "bochs") as m:
        with open(m.dir + "/symbols", "w", encoding="utf-8") as f:
            f.writelines(f"{address:x} {name}\n" for name, address in symbols.items())
        listener = socket.create_server(("127.0.0.1", 0))
        com1 = f"mode=socket-client, dev=127.0.0.1:{listener.getsockname()[1]}"
        # With several CPUs Bochs may miss the first stop (docs/bochs.md), but not the second one,
        # after the `push` of one byte.
        stops = [symbols["kernel_main"], symbols["kernel_main"] + 1][:settings.cpus(1)]
        command = m.bochs_command(com1, "mode=null",
                                  more=f'debug_symbols: file="{m.dir}/symbols"\n',
                                  debugger=[*(f"lb {stop:#x}" for stop in stops), "c"])
        m.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1)
        console.offer(m.accept(listener), build + "/bochs-console.txt")
        threading.Thread(target=feed_bochs, args=(m.process.stdin, typed, symbols),
                         daemon=True).start()
        m.process.wait()


def symbols_of(build):
    """Returns name -> address of the symbols of the kernel and of the program PROG=."""
    with open(build + "/kernel.sym", encoding="utf-8") as f:
        lines = f.read().splitlines()
    if variable("PROG"):
        path = settings.program("PROG", variable("PROG"))
        said = subprocess.run(["nm", "-n", path], stdout=subprocess.PIPE, text=True, check=True)
        lines = re.findall(r"^[0-9a-f]+ [tTdDbB] .*$", said.stdout, re.M) + lines
    words = [line.split() for line in lines]
    return {w[-1]: int(w[0], 16) for w in words}


def feed_bochs(to, typed, symbols):
    """Sends Bochs the typed lines until it ends. It does not use sys.stdin, because no thread may
    be reading that at the end."""
    try:
        with to, typed:
            for line in typed:
                to.write(bochs_command(line.decode(errors="replace"), symbols))
            to.write("q\n")
    except BrokenPipeError:
        pass


def bochs_command(line, symbols):
    """Translates a natural command to Bochs' own: `b schedule` becomes `lb "schedule"` (Bochs' `b`
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
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the debugger
    actions = {"gdb": gdb, "kgdb": kgdb, "gdbserver": gdbserver, "bochs": bochs}
    actions[sys.argv[1]](sys.argv[3])


if __name__ == "__main__":
    tidy(main)

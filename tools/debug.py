# What `make gdb`, `make kgdb` and `make bochs` do.
#
#   debug.py gdb|kgdb|bochs --build DIRECTORY     with the make variables in the environment
#
# CMDS=file: commands for the debugger, which ends behind the last.
import os
import signal
import subprocess
import sys
import threading
import time

from boot import ARCHIVE, machine
from emu import tidy
from settings import variable

KERNEL_BASE = 0xffffffff80000000  # arch/x86/layout.h


def gdb(build):
    """QEMU's stub under gdb, stopped where the kernel's C begins."""
    console = build + "/gdb-console.txt"
    with machine(build, ARCHIVE, ["init=/bin/init", "watchdog=0"], [], "qemu") as m:
        stub = m.dir + "/gdb"
        m.flags += ["-S", "-gdb", f"unix:{stub},server=on,wait=off"]
        m.spawn(m.qemu_command("file:" + console, "null"))
        print("dr7: the machine's console is written to", console, flush=True)
        while not os.path.exists(stub) and m.process.poll() is None:
            time.sleep(0.01)
        run_gdb(build, "-ex", "target remote " + stub, "-ex", "hbreak kernel_main",
                "-ex", "continue")


def run_gdb(build, *options):
    """gdb on this terminal, with its first commands; then those of CMDS=."""
    script = ["-batch", "-x", commands().name] if variable("CMDS") else []
    subprocess.call(["gdb", "-q", "-ex", "set pagination off", *options, *script,
                     build + "/kernel.elf"])


def commands():
    """What gives the debugger its commands."""
    return open(variable("CMDS") or 0, "rb", buffering=0, closefd=bool(variable("CMDS")))


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
        run_gdb(build, "-ex", "set remotetimeout 30", "-ex", "target remote " + port)
        m.process.kill()
        pump.join()


def bochs(build):
    """Bochs' own debugger on this terminal."""
    console = build + "/bochs-console.txt"
    with open(build + "/kernel.sym", encoding="utf-8") as f:
        symbols = {name: int(address, 16) for address, name in (line.split() for line in f)}
    typed = commands()
    with machine(build, ARCHIVE, ["init=/bin/init", "watchdog=0"], [], "bochs") as m:
        command = m.bochs_command(f'mode=file, dev="{console}"', "mode=null",
                                  more=f'debug_symbols: file="{build}/kernel.sym"\n',
                                  debugger=['lb "kernel_main"', "c"])
        print("dr7: the machine's console is written to", console, flush=True)
        m.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, bufsize=1)
        threading.Thread(target=feed_bochs, args=(m.process.stdin, typed, symbols),
                         daemon=True).start()
        m.process.wait()


def feed_bochs(to, typed, symbols):
    """What is typed, until Bochs ends. Not by sys.stdin, which nobody may be reading then."""
    try:
        with to, typed:
            for line in typed:
                to.write(bochs_command(line.decode(errors="replace"), symbols))
            to.write("q\n")
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
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the debugger
    actions = {"gdb": gdb, "kgdb": kgdb, "bochs": bochs}
    actions[sys.argv[1]](sys.argv[3])


if __name__ == "__main__":
    tidy(main)

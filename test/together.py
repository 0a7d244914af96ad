# All users of breakpoints at once, also gdb: it watches a kernel variable through the kernel's stub
# while the test "together" (test/user/t_together.c) runs. gdb must have counted as many writes as
# the test has made.
import re
import subprocess
import threading

import emu

CPUS = 4
HITS = re.compile(r"hw watchpoint.*max_rate\n\s+breakpoint already hit (\d+) times?")
WRITES = re.compile(rb"sample rate written (\d+) times")

COMMANDS = [
    "watch max_rate",
    "ignore 1 1000000",     # it counts and goes on
    "tbreak report_end",    # the last thing before the machine goes off
    "continue",
    "info breakpoints",
    "detach",
]


def run(build, archive, words, seconds):
    """Returns (complaints, log). No complaints: the test passed and gdb's count is right."""
    console, off = bytearray(), []
    with emu.Machine(build + "/kernel.elf", archive, ["kgdbwait", "slots=exact", "init=/bin/utest",
                      "--", "together"] + words, "qemu", CPUS) as m:
        port = m.start(serve_com2=True)
        arguments = ["gdb", "-nx", "-q", "-batch", "-ex", "set pagination off",
                     "-ex", f"set remotetimeout {seconds}", "-ex", f"target remote {port}"]
        for command in COMMANDS:
            arguments += ["-ex", command]
        gdb = subprocess.Popen(arguments + [build + "/kernel.elf"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        timer = threading.Timer(seconds, gdb.kill)
        timer.start()
        pump = threading.Thread(target=lambda: off.append(m.pump(console.extend, seconds)))
        pump.start()
        output = gdb.communicate()[0].decode(errors="replace")
        timer.cancel()
        pump.join()
    hits, writes = HITS.search(output), WRITES.search(console)
    wrong = []
    if off != [True]:
        wrong.append("the machine did not go off by itself")
    if not re.search(rb"^ok 1 together\r?$", console, re.M):
        wrong.append("the test did not pass")
    if not hits or not writes or int(hits[1]) != int(writes[1]):
        wrong.append(f"gdb saw {hits and hits[1]} writes of {writes and int(writes[1])}")
    return wrong, output.encode() + b"\n---- console ----\n" + console

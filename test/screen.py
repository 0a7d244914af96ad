# Reads the VGA screen out of QEMU's memory, while bptop runs and a kernel variable is traced.
import json
import re
import socket
import time

import emu

TEXT, COLUMNS, ROWS = 0xb8000, 80, 25  # arch/x86/vga.c
SECONDS = 60
LOOK_EVERY = 0.5
WATCHED = "next_tid"


class Monitor:
    """QEMU's machine protocol (docs/interop/qmp-spec.txt)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rw", encoding="utf-8")
        self.lines.readline()  # the greeting
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        while "return" not in (answer := json.loads(self.lines.readline())):
            if "error" in answer:
                raise OSError(answer["error"]["desc"])

    def screen(self, path):
        self.do("pmemsave", val=TEXT, size=2 * COLUMNS * ROWS, filename=path)
        with open(path, "rb") as f:
            cells = f.read()[::2].decode("latin-1")
        return [cells[i:i + COLUMNS].rstrip() for i in range(0, len(cells), COLUMNS)]


def check_bptop(kernel, archive):
    """Returns (what is wrong, the screen)."""
    owner = rf"DR0 all CPUs     {WATCHED:18}   4 w  pinned  [ \d]{{10}}[ \d]{{7}} 100\.0$"
    wanted = [r"bptop: \d+ breakpoints, rules 2009, 2 CPUs, up [1-9][\d.]* s$",
              r"CPU REG OWNER        WHERE              LEN T  KIND          HITS HITS/S SHARE$"]
    for cpu in range(2):
        wanted += [f"  {cpu} {owner}"] + [rf"  {cpu} DR{reg} -$" for reg in (1, 2, 3)]
    wanted += [r"CPU  switch/s install/s   evict/s   write/s     #DB/s    turn/s  spurious$"]
    wanted += [rf"  {cpu}( +\d+){{7}}$" for cpu in range(2)]
    words = ["init=/bin/trace", "--", WATCHED, "--", "/bin/bptop"]
    with emu.Machine(kernel, archive, words) as m:
        path = m.dir + "/monitor"
        m.flags = ["-qmp", f"unix:{path},server=on,wait=off"]
        m.start()
        monitor, lines, end = Monitor(path), [], time.monotonic() + SECONDS
        while time.monotonic() < end:
            if m.pump(lambda data: None, LOOK_EVERY):
                return "the machine went off", lines
            lines = monitor.screen(m.dir + "/screen")
            # Wait until a later round has been painted over an earlier one.
            if all(re.match(w, line) for w, line in zip(wanted, lines)) and not any(
                    lines[len(wanted):]):
                return "", lines
    return "not what was wanted", lines

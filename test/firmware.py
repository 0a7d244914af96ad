# A machine without serial ports: with any firmware and disk, screen and keyboard are a full
# console.
import sys
import tempfile
import time

import emu
import font
from boot import ARCHIVE, with_program
from screen import LOOK_EVERY, Monitor

SECONDS = 120
QCODES = {" ": ["spc"], "\n": ["ret"], "|": ["shift", "backslash"], "<": ["left"], "^": ["up"],
          "/": ["slash"], "-": ["minus"]}
PROMPT = "dr7$"
# A line with an arrow key and a pipe. Then a line from busybox's history, with more letters at its
# end.
SHELL = {"sh": ("ls / | wc\n", [f"{PROMPT} ls / | wc", "      6       6      25"]),
         "busybox": ("echo a<b\n^ c\n", ["dr7:/$ echo ba", "ba", "dr7:/$ echo ba c", "ba c"])}


def glyphs():
    """The kernel's font: rows of pixels -> character."""
    return {rows: chr(code) for code, rows in enumerate(font.glyphs()) if any(rows)}


def read_ppm(path):
    """Returns (width, height, pixels). A pixel is a byte, 1 if it is not black."""
    with open(path, "rb") as f:
        magic, size, _ = f.readline(), f.readline().split(), f.readline()
        if magic != b"P6\n":
            raise OSError(0, "no PPM picture", path)
        red = f.read()[::3]
    return int(size[0]), int(size[1]), bytes(map(bool, red))


def read_framebuffer(monitor, path, known):
    """The lines of text on the framebuffer."""
    monitor.do("screendump", filename=path)
    width, height, pixels = read_ppm(path)
    lines = []
    for top in range(0, height - font.HEIGHT + 1, font.HEIGHT):
        rows = [pixels[(top + y) * width:(top + y + 1) * width] for y in range(font.HEIGHT)]
        if not any(map(any, rows)):
            lines.append("")
            continue
        cells = [tuple(int("".join(map(str, row[x:x + font.WIDTH])), 2) for row in rows)
                 for x in range(0, width, font.WIDTH)]
        lines.append("".join(known.get(cell, " ") for cell in cells).rstrip())
    return lines


def type_keys(monitor, text):
    for c in text:
        keys = QCODES.get(c, [c])
        monitor.do("send-key", keys=[{"type": "qcode", "data": key} for key in keys])
        time.sleep(0.05)  # QEMU releases a key after a while, and its queue has only 16


def watch(machine, look, typed, wanted):
    """Types when the prompt is there. Returns (what is wrong, the last screen)."""
    end, lines, waiting = time.monotonic() + SECONDS, [], True
    while time.monotonic() < end and machine.process.poll() is None:
        lines = look()
        if waiting and any(line.startswith("dr7") and line.rstrip().endswith("$")
                           for line in lines):
            typed()
            waiting = False
        if all(want in lines for want in wanted):
            return "", lines
        time.sleep(LOOK_EVERY)
    return f"not on the screen: {wanted}", lines


def run(kernel, archive, shell, text, wanted, uefi, usb):
    words = ["init=/bin/init", "--", shell]
    with emu.Machine(kernel, archive, words, uefi=uefi) as m:
        path = m.dir + "/monitor"
        m.flags += ["-qmp", f"unix:{path},server=on,wait=off"]
        command = m.qemu_command("none")
        if usb:
            at = command.index("-cdrom")
            command[at:at + 4] = ["-drive", f"file={command[at + 1]},format=raw,if=none,id=stick",
                                  "-device", "qemu-xhci", "-device",
                                  "usb-storage,drive=stick,bootindex=0"]
        m.errors = open(m.dir + "/errors", "w+b")
        m.spawn(command)
        monitor, known = wait_for_monitor(m, path), glyphs()
        look = (lambda: read_framebuffer(monitor, m.dir + "/picture", known)) if uefi else (
            lambda: monitor.screen(m.dir + "/screen"))
        return watch(m, look, lambda: type_keys(monitor, text), wanted)


def wait_for_monitor(machine, path):
    end = time.monotonic() + emu.START_SECONDS
    while True:
        try:
            return Monitor(path)
        except OSError:
            if time.monotonic() > end or machine.process.poll() is not None:
                sys.exit("dr7: QEMU did not start: " + machine.complaints())
            time.sleep(0.05)


def check(build, uefi=False, usb=False, shell="sh"):
    """Returns what is wrong ("": nothing), and the screen's lines."""
    text, wanted = SHELL[shell]
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        archive = ARCHIVE if shell == "sh" else with_program(top, "/bin/busybox", "busybox")
        return run(build + "/kernel.elf", archive, shell, text, wanted, uefi, usb)

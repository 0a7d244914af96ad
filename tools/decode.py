# Adds file and line to the addresses of a panic or a backtrace: `make decode <log`, or LOG=file.
# The lines themselves stay as they are.
import os
import re
import subprocess
import sys

from settings import plainly, variable

# "  [ffffffff80118810] kernel_main+0x2c": the first frame is where the CPU was, the others are
# return addresses.
FRAME = re.compile(r"^  \[([0-9a-f]{16})\]")


def places(kernel, addresses):
    """Returns functions, files and lines of addresses, inlined functions first."""
    said = subprocess.run(["addr2line", "-e", kernel, "-f", "-i", "-a"], text=True, check=True,
                          input="\n".join(map(hex, addresses)), stdout=subprocess.PIPE).stdout
    for answer in re.split(r"^0x[0-9a-f]+\n", said, flags=re.M)[1:]:
        lines = answer.splitlines()
        yield list(zip(lines[::2], map(from_here, lines[1::2])))


def from_here(place):
    """The path relative to this folder. NASM writes the folder twice, with // between."""
    path = place.rsplit("//", 1)[-1]
    return os.path.relpath(path) if path.startswith("/") else path


def decoded(lines, kernel):
    first, asked = True, {}
    for n, line in enumerate(lines):
        frame = FRAME.match(line)
        if frame:
            asked[n] = int(frame[1], 16) - (not first)
        first = not frame
    found = dict(zip(asked, places(kernel, asked.values()))) if asked else {}
    for n, line in enumerate(lines):
        yield line
        for function, place in found.get(n, []):
            yield f"      {function} at {place}"


def main():
    log = variable("LOG")
    with open(log or 0, encoding="utf-8", errors="replace", newline=None) as f:
        lines = f.read().replace("\r", "").splitlines()
    print("\n".join(decoded(lines, sys.argv[1])))


if __name__ == "__main__":
    plainly(main)

#!/usr/bin/env python3
# The instructions of some functions that access memory, in the form that the race finder needs
# (debug/examples/race.h):
#
#   make run APPEND="$(tools/accesses.py build/debug/kernel.elf FUNCTION...) ..."
#
# Left out: accesses to the stack, to a CPU's own data (%gs), with an index register, with LOCK or
# XCHG (which cannot be held up), and by instructions that are not in KNOWN or EXTEND.
import re
import subprocess
import sys
from dataclasses import dataclass

# struct trapframe (arch/x86/trap.h) begins with these.
FRAME = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi".split()
NO_BASE = len(FRAME)
STACK = "rsp", "rbp"
LINE = re.compile(r"([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t(\w+) +(\S+)(?: +# ([0-9a-f]+))?")
HEAD = re.compile(r"[0-9a-f]+ <(\w+)[.\w]*>:")
PLACE = re.compile(r"(-?0x[0-9a-f]+)?\(%(r\w+)\)")
KNOWN = re.compile(r"(mov|add|sub|and|or|xor|inc|dec|neg|not|cmp|test)([bwlq]?)$")
EXTEND = re.compile(r"mov[zs]([bwl])[wlq]$")  # a short operand to a longer register
LENGTH = {"b": 1, "w": 2, "l": 4, "q": 8}


@dataclass
class Access:
    function: str
    ip: int
    size: int
    length: int
    write: bool
    base: int
    disp: int

    def numbers(self):
        fields = self.ip, self.size, self.length, int(self.write), self.base, self.disp
        return ",".join(str(n) if n < 10 else hex(n) for n in fields)


def register_length(operands):
    """The length that the registers outside of parentheses give."""
    for name in re.findall(r"%(\w+)", re.sub(r"\(.*?\)", "", operands)):
        if name in FRAME or name == "rsp":
            return 8
        if name.startswith("e") or re.match(r"r\d+d$", name):
            return 4
        return 1 if name.endswith(("l", "h", "b")) else 2
    return None


def understand(function, ip, code, name, operands, target):
    """The access of one instruction, or None."""
    place = PLACE.search(operands)
    extends, known = EXTEND.match(name), KNOWN.match(name)
    if not place or "%gs" in operands or place[2] in STACK or not (extends or known):
        return None
    suffix = extends[1] if extends else known[2]
    length = LENGTH.get(suffix) or register_length(operands)
    writes = bool(known) and known[1] not in ("cmp", "test") and operands.endswith(")")
    base = NO_BASE if place[2] == "rip" else FRAME.index(place[2])
    disp = int(target, 16) if place[2] == "rip" else int(place[1] or "0", 16)
    return length and Access(function, ip, len(code.split()), length, writes, base,
                             disp % (1 << 64))


def accesses(kernel, functions):
    done = subprocess.run(["objdump", "-d", "-w", kernel], capture_output=True, text=True,
                          check=True)
    found, function = [], None
    for line in done.stdout.splitlines():
        head, match = HEAD.match(line), LINE.match(line)
        if head:
            function = head[1]
        elif match and function in functions:
            ip, code, name, operands, target = match.groups()
            found.append(understand(function, int(ip, 16), code, name, operands, target))
    return [access for access in found if access]


def word(found):
    """The word for the kernel's command line."""
    return "race=" + ",".join(access.numbers() for access in found)


if __name__ == "__main__":
    print(word(accesses(sys.argv[1], sys.argv[2:])))

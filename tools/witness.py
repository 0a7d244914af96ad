# QEMU's record of each exception, written before the guest's handler runs (`-d int`). No kernel can
# change this record. Every task of a program has an address space, so a count for each CR3 is a
# count for each task.
import mmap
import os
import re
from dataclasses import dataclass

DB, GP = 1, 13  # vectors (SDM vol. 3, table 6-1)

# A record: its head names the vector, its body all registers.
RECORD = (r" v=({}) e=\w+ i=\d cpl=(\d) IP=\w+:(\w+) .*?CR3=(\w+) .*?"
          r"DR0=(\w+) DR1=(\w+) DR2=(\w+) DR3=(\w+) \nDR6=(\w+) DR7=(\w+)")


@dataclass(frozen=True)
class Trap:
    """An exception, and the registers at that time."""
    vector: int
    cpl: int
    rip: int
    cr3: int
    dr: tuple  # DR0-DR3
    dr6: int
    dr7: int

    def hits(self):
        """The registers that fired, according to DR6. If several match, QEMU names only the first
        (docs/emulators.md)."""
        return [n for n in range(4) if self.dr6 >> n & 1]

    def enabled(self):
        return [n for n in range(4) if self.dr7 >> 2 * n & 3]

    def condition(self, n):
        """(R/W, length in bytes) of register n in DR7 (SDM vol. 3, 18.2.4)."""
        bits = self.dr7 >> 16 + 4 * n & 15
        return bits & 3, (1, 2, 8, 4)[bits >> 2]


def read(paths, vectors=(DB,)):
    """Returns the exceptions in these files. Each CPU has its own file, which is in order."""
    pattern = re.compile(RECORD.format("|".join(f"{v:02x}" for v in vectors)).encode(), re.S)
    for path in sorted(paths):
        if os.path.getsize(path):
            with open(path, "rb") as f, \
                    mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as log:
                for found in pattern.finditer(log):
                    vector, cpl, rip, cr3, *dr, dr6, dr7 = (int(x, 16) for x in found.groups())
                    yield Trap(vector, cpl, rip, cr3, tuple(dr), dr6, dr7)

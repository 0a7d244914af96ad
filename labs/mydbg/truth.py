# What a program does in a scene (target.c), and what a debugger must say of it.
import re

WRITE, READ_WRITE = 1, 3
LINE = re.compile(r"([0-9a-f]+): ([0-9a-f]+) -> ([0-9a-f]+)$")
SIGTERM = 15


class Scene:
    """`at`: the byte of `cell` where the point is. `attached`: the program runs already. `off`: the
    debugger is given an address that is so many bytes too high."""

    def __init__(self, cell, length, at, steps, params, attached=False, off=0):
        self.address, self.length, self.attached = cell + at + off, length, attached
        self.steps = [f"l{length}@{at:x}", *steps]
        self.kind = READ_WRITE if params["READS"] else WRITE
        self.reported, self.lines = 0, []
        if off:
            self.lines.append(f"mydbg: cannot watch {length} bytes at {self.address:x}")
        else:
            self.perform(steps, params["LIMIT"])

    def perform(self, steps, limit):
        """The lines, with "?" for the place."""
        value = handled = 0
        for step in steps:
            old, number = value, int(step[1:] or "0", 16)
            handled += step[0] in "tu"
            value = number if step[0] in "wu" else value
            hit = step[0] in "wu" or (step[0] == "r" and self.kind == READ_WRITE)
            if hit and self.reported < limit:
                self.reported += 1
                self.lines.append(f"?: {old:x} -> {value:x}")
        last, status = steps[-1][0], int(steps[-1][1:] or "0", 16)
        self.lines.append(f"killed {SIGTERM}" if last == "k" else f"exited {status + handled}")

    def word(self):
        return f"{'p' * self.attached}{self.address:x}:{self.length}:{','.join(self.steps)}"

    def at_places(self, places):
        """Takes the places of this scene from an iterator."""
        for i in range(self.reported):
            place = next(places, None)
            if place is not None:
                self.lines[i] = self.lines[i].replace("?", f"{place:x}")

    @staticmethod
    def same(mine, right):
        return mine == right or (right.startswith("?") and mine.partition(":")[2] == right[2:])

    @staticmethod
    def letter(mine, right):
        """How a line is wrong."""
        got, wanted = LINE.match(mine), LINE.match(right.replace("?", "0"))
        if not wanted:
            return "x" if got else "e"
        if not got:
            return {"mydbg: t": "p", "mydbg: c": "c"}.get(mine[:8], "m")
        return "o" if got[2] != wanted[2] else "n" if got[3] != wanted[3] else "a"

# Judges the first #DB. QEMU has written down every debug exception before the hand-in's code ran;
# what the kernel prints is only an answer, which is compared.
import random
import re

from labs import machine

SECONDS = 60       # for the boot, on a busy host
STORM = 1000       # as in first_db_scenes.c
LEN = {1: 0, 2: 1, 4: 3, 8: 2}
KIND = {"x": 0, "w": 1, "r": 3}
BS = 1 << 14
DR6_FIXED = 0xffff0ff0
DR7_MEANS = 0xffff00ff  # the bits that enable registers, R/W and LEN
STEP = re.compile(r"lab: (\S+) +DR0 (\d+) +DR1 (\d+) +DR2 (\d+) +DR3 (\d+) +steps (\d+)$")

# Scenes are short, so that a mistake shows in few of them. {a} ... are drawn for each run.
SCENES = [
    "0w4:{a}", "1w8:{b}", "2w1:{c}+3w2:{d}", "3r4:{b}", "0x1:{a}", "2x8:{c}",
    "1w4:{a}+1d+1t4:{b}", "0w1:{a}+2w2:{b}+0t1:{c}+2t2:{d}", "3w8:{a}+3w1:{b}+3x1:{c}",
    "0w4:{a}+1r4:{b}+2x1:{c}+3w2:{d}+2d+0t4:{d}+1d+3t2:{a}",
    "0w8:{a}+1w4:{b}+1d+0t8:{c}", "0s{a}", "0s{a}+1w4:{b}"]


class Truth:
    """What should happen: after each step the counts, and each #DB."""

    def __init__(self, symbols, enable):
        self.symbols, self.enable = symbols, enable
        self.registers, self.counts = {}, [0] * 5
        self.shown, self.exceptions = [], []  # (register or None, its address, DR7)

    def dr7(self):
        value = 0
        for n, (kind, length, _) in self.registers.items():
            value |= self.enable << 2 * n
            value |= (KIND[kind] | (0 if kind == "x" else LEN[length]) << 2) << 16 + 4 * n
        return value

    def arm(self, n, kind, length):
        address = self.symbols[f"lab_call{n}"] if kind == "x" else \
            self.symbols["lab_target"] + 16 * n
        self.registers[n] = (kind, length, address)

    def play(self, step):
        n, kind = int(step[0]), step[1]
        if kind == "d":
            self.registers.pop(n, None)
        elif kind == "s":
            self.happens(4, None, 0, 2 * int(step[2:]) + 3)
        else:
            length, count = (int(x) for x in step[2:].split(":"))
            if kind != "t":
                self.arm(n, kind, length)
            if n in self.registers:  # in these scenes a register watches each touch
                self.happens(n, n, self.registers[n][2], count)
        self.shown.append([step] + [str(c) for c in self.counts])

    def happens(self, counter, register, address, count):
        self.counts[counter] += count
        self.exceptions += [(register, address, self.dr7())] * count


def wrong_exception(trap, register, address, dr7):
    """(letter, words) for one exception; None: it is right."""
    cause = BS if register is None else 1 << register
    off = trap.dr7 ^ dr7
    in_use = sum(0xf << 16 + 4 * n for n in range(4) if dr7 >> 2 * n & 3)
    if off & DR7_MEANS:
        letter = "E" if off & 0xff else "C" if off & in_use else "o"
        return letter, f"DR7 is {trap.dr7:#x}, should be {dr7 | 0x400:#x}"
    if register is not None and trap.dr[register] != address:
        return "A", f"DR{register} is {trap.dr[register]:#x}, should be {address:#x}"
    if trap.dr6 != DR6_FIXED | cause:
        return "6", f"DR6 is {trap.dr6:#x}, should be {DR6_FIXED | cause:#x}"
    return None


def compare(truth, seen, shown):
    """(letter, words) of a scene; the letter "." is right."""
    wanted = len(truth.exceptions)
    if len(seen) > STORM:
        return "S", f"over {STORM} debug exceptions, {wanted} expected: they do not end"
    if wanted and not seen:
        return "0", f"QEMU saw no debug exception, {wanted} were expected"
    for i, (trap, right) in enumerate(zip(seen, truth.exceptions), 1):
        wrong = wrong_exception(trap, *right)
        if wrong:
            return wrong[0], f"debug exception {i} of {wanted}: {wrong[1]}"
    if len(seen) != wanted:
        return "+" if len(seen) > wanted else "-", \
            f"QEMU saw {len(seen)} debug exceptions, {wanted} were expected"
    for got, right in zip(shown, truth.shown):
        if got != right:
            return "c", (f"after {right[0]} the counts are {' '.join(got[1:])}, should be "
                         f"{' '.join(right[1:])} (the exceptions were right)")
    return ".", ""


def split(traps, place):
    """The #DBs of each scene: a #GP at `place` begins one."""
    scenes = []
    for trap in traps:
        if trap.vector == machine.GP and trap.rip == place:
            scenes.append([])
        elif trap.vector == machine.DB and scenes:
            scenes[-1].append(trap)
    return scenes


def printed(said):
    """The lines of each scene, as lists of words."""
    return [[list(m.groups()) for m in map(STEP.match, part.split("\n")) if m]
            for part in said.split("lab: scene\n")[1:]]


def play(bench, seed):
    """[(scene, letter, words)], in one boot."""
    rng = random.Random(seed)
    counts = {name: rng.randint(3, 60) for name in "abcd"}
    scenes = [scene.format(**counts) for scene in SCENES]
    kernel = bench.kernel() + "/kernel.elf"
    symbols = machine.symbols(kernel)
    said, traps, end = machine.boot(kernel, ["lab=" + ",".join(scenes)], SECONDS)
    seen, shown = split(traps, symbols["lab_mark"]), printed(said)
    results = []
    for i, scene in enumerate(scenes):
        truth = Truth(symbols, bench.lab.params["ENABLE"])
        for step in scene.split("+"):
            truth.play(step)
        whole = i + 1 < len(seen) and i < len(shown) and len(shown[i]) == len(truth.shown)
        results.append((scene, *(compare(truth, seen[i], shown[i]) if whole else ("P", end))))
    return results


def alone(bench):
    """(the row of letters, a sentence about what is wrong)"""
    results = play(bench, bench.seed)
    row = "".join(letter for _, letter, _ in results)
    return row, next((f'scene "{scene}": {words}' for scene, letter, words in results
                      if letter != "."), "")


def together(bench):
    return alone(bench)[1]

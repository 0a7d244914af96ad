# Judges turns. A program with more breakpoints than registers is run; QEMU has written down at each
# debug exception which of them the registers held. Time is the count of instructions, so the same
# mistake shows in the same way.
import collections
import random
import re

from labs import machine
from labs.bench import make_program

SECONDS = 40  # for the boot, on a busy host
TICK_MS = 4
TURNS = 42    # in a scene
REGISTERS = 4
NS = 1000000  # of a millisecond


def scenes(rng):
    """(the argument for the program, the share of the rounds that each event should have)"""
    many = rng.choice([6, 7])
    cpu, task = rng.choice([(4, 2), (6, 3)])
    whole, part = cpu / (cpu + task), task / (cpu + task)
    return [
        ("t," * many, [REGISTERS / many] * many),
        ("y" + "t," * many, [REGISTERS / many] * many),
        ("ttt,tt,t", [1 / 2] * 5 + [1]),
        # The CPU's rank first in `cpu` of cpu + task turns, and leave the task nothing.
        ("c," * cpu + "t," * task,
         [whole * REGISTERS / cpu + part * (REGISTERS - task) / cpu] * cpu + [part] * task),
        ("p,p,t,t,t", [1, 1] + [2 / 3] * 3)]


class Scene:
    """What was asked, what QEMU saw, what the program said."""

    def __init__(self, words, shares, traps, said, cells):
        self.words, self.shares = words, shares
        groups = [g for g in words.lstrip("y").split(",") if g]
        ends = [sum(map(len, groups[:i + 1])) for i in range(len(groups))]
        self.groups = [frozenset(range(end - len(g), end)) for g, end in zip(groups, ends)]
        self.steady = set(words) <= set("pt,") and all(len(g) == 1 for g in groups)
        self.rounds = said[0] if said else 0
        self.events = said[1:]  # (count, enabled, running, estimate) each
        self.on = [frozenset(cells[t.dr[n]] for n in t.enabled() if t.dr[n] in cells)
                   for t in traps]
        self.hits = collections.Counter(cells[t.dr[n]] for t in traps for n in t.hits()
                                        if t.dr[n] in cells)

    def halved(self):
        for on in self.on:
            for group in self.groups:
                if group & on and group - on:
                    return "h", f"the group {sorted(group)} is there in part: {sorted(on)}"
        return None

    def idle(self):
        for on in self.on:
            for group in self.groups:
                if not group & on and len(group) <= REGISTERS - len(on):
                    return "i", (f"{sorted(on)} are in the registers, and {sorted(group)} would "
                                 "fit, too")
        return None

    def starved(self):
        never = [i for i in range(len(self.shares)) if not self.hits[i]]
        return ("s", f"the events {never} were never in a register") if never else None

    def unfair(self):
        """The event that is farthest from its share."""
        got = [self.hits[i] / max(self.rounds, 1) for i in range(len(self.shares))]
        off, i = max((abs(a - b), i) for i, (a, b) in enumerate(zip(got, self.shares)))
        return ("u" if off < 0.25 else "U",
                f"event {i} was there in {got[i]:.0%} of the rounds, {self.shares[i]:.0%} are "
                "fair") if off > 0.1 else None

    def turned(self, turn_ms):
        """Whether as many turns were made as were due, by the clock of the task. A turn may end
        half a tick early, when the task comes back to the CPU."""
        due = self.events[0][1] / (turn_ms * NS)
        least, most = 0.8 * due, due * turn_ms / (turn_ms - TICK_MS / 2) * 1.2
        changes = sum(a != b for a, b in zip(self.on, self.on[1:]))
        if set(self.words) <= set("pty,") and not least <= changes <= most:
            return "n" if changes > most else "f", f"{changes} turns, {due:.0f} were due"
        return None

    def miscounted(self):
        for i, (count, *_) in enumerate(self.events):
            if count != self.hits[i]:
                return "c", (f"event {i} has counted {count}, QEMU saw {self.hits[i]} debug "
                             "exceptions")
        return None

    def misjudged(self):
        for i, (*_, estimate) in enumerate(self.events):
            if self.steady and abs(estimate - self.rounds) > self.rounds * 0.05:
                return "e", (f"the estimate of event {i} is {estimate}: its variable was written "
                             f"{self.rounds} times")
        return None

    def judge(self, turn_ms, end):
        """(letters, the first sentence); "." is right"""
        if len(self.events) != len(self.shares):
            return "P", end
        found = [wrong for wrong in (
            self.halved(), self.idle(), self.starved(), self.unfair(), self.turned(turn_ms),
            self.miscounted()) if wrong]
        if not found and (wrong := self.misjudged()):  # after unfair turns it is luck
            found = [wrong]
        return "".join(letter for letter, _ in found) or ".", found[0][1] if found else ""


def parts(said):
    """For each scene the rounds, and each event's count, two times and estimate."""
    shown = []
    for rounds, events in re.findall(r"^scene \S+ rounds (\d+)\n((?:event .*\n)*)", said, re.M):
        lines = [re.findall(r" (\d+)", line.split(" ", 2)[2]) for line in events.splitlines()]
        shown.append([int(rounds)] + [tuple(map(int, line)) for line in lines])
    return shown


def play(bench):
    """[(scene, letters, words)], in one boot."""
    out, plan = bench.dir + "/turns", scenes(random.Random(bench.seed))
    make_program(bench.tree, [f"{bench.tree}/labs/turns/turns.c"], out, "-O2")
    first = machine.symbols(out)["cell"]
    kernel = bench.kernel() + "/kernel.elf"
    turn_ms = TICK_MS * bench.lab.params["TURN"]
    words = ["init=/turns", "--", str(TURNS * turn_ms)]
    said, traps, end = machine.boot(kernel, words + [words for words, _ in plan], SECONDS,
                                    machine.archive(out, "turns"), icount=True)
    shown, results = parts(said), []
    for number, (scene, shares) in enumerate(plan):
        at = first + number * 128
        cells = {at + 8 * i: i for i in range(len(shares))}
        seen = [t for t in traps if t.vector == machine.DB and
                any(t.dr[n] in cells for n in t.hits())]
        mine = shown[number] if number < len(shown) else []
        results.append((scene, *Scene(scene, shares, seen, mine, cells).judge(turn_ms, end)))
    return results


def alone(bench):
    """(the row: a dot for each scene up to the first wrong one, its letters, a sentence)"""
    row, why = "", ""
    for scene, letters, words in play(bench):
        row += letters
        if letters != ".":
            why = f'scene "{scene}": {words}'
            break
    return row + machine.last_words(why), why


def together(bench):
    return alone(bench)[1]

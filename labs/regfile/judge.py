# Judges the debug-register file of a hand-in. On this host the model checks every single write
# (model.py). Then tests run in a kernel.
import random
import re

from labs import machine
from labs.answers import Answers
from labs.regfile import model

WRONG = ("PANIC", "HANG", "CRASH")
SCRIPTS = {"alone": 200, "together": 600}  # random ones
LONGEST = 60
OWNERS = "ABCDEF"
SECONDS = 60  # for a boot, on a busy host
TESTS = ["switch-writes", "switch-storm-kernel", "bp-all-four", "bp-same-address",
         "db-semantics.step-and-hit", "db-semantics.disabled-match"]
# The probes. They are chosen to tell the planted mistakes apart, and they are public.
PROBES = [s.split() for s in [
    "b +A0w8 c", "b +A0w8 +B8w4 +C4a1 c", "b +A0w8 b +B8w8 c c", "b +A3x1 c", "b +A0w8 c b -A c",
    "b +A0w8 c b -A c b +A0w8 c", "b +A0w8 c b =A8w8 c", "b +A0w8 +B8w8 c b =A4w4 c",
    "b +A0w8 +B8w8 c b -A -B +C8w8 +D0w8 c", "b +A0w8 +B8w8 c b -A c b +C4w2 c",
    "b +A0w8 +B8w8 c b -B +C4w2 c", "b +A0w8 c b -A +B0a8 c",
    "b +A0w8 +B0a8 c b -A -B c b +C0a8 c",
    "b +A0w8 +B0a8 c b -A -B +C0a8 c", "b +A0w8 +B4w4 c", "b +A0w8 +B4w2 +C0w1 c",
    "b +A0a8 +B0w8 c", "b +A0w4 +B0w8 c e1 q", "b +A0x1 +B0w8 +C1x1 c", "b +A0w8 +B8w8 c e1 q",
    "b +A0w4 +B0w8 +C8w8 c e1 q", "b +A0a4 +B0w8 c e1 q", "b +A2w1 +B0w8 +C0a8 c e1 q e2 q",
    "b +A6w2 +B0w8 c e1 q", "b +A0w4 +B0w8 c b -B c e1 q", "b +A0w8 c e3 q", "b +A0w8 c e4001 q",
    "b +A0x1 c e4001 q", "b +A0x1 +B0w8 c e3 q", "b +A0w8 c n4000 e1 q", "e0 q",
    "b +A0w8 c e8 q e1 q",
    "b +A0w8 c e1 b -A c q", "b +A0w8 c e1 b -A +B8w8 c q e1 q", "b +A0w8 c b +B8w8 e1 q c e2 q",
    "b +A0w8 c e1 b +B8w8 c q b -A c", "b +A0w8 +B8w8 +C1w1 +D9x1 +E2w2 c b -C +E2w2 c",
    "b +A0w8 +B8w8 c b -A -B c b +C8w4 c b +D0w2 c", "e4000 q b +A0w8 c", "b +A0w8 c e1 q e1 q"]]


class Judge:
    def __init__(self, program, first):
        self.answers, self.first = program, first
        self.writes = self.commits = 0

    def play(self, words):
        """Plays a script. Raises model.Wrong, or Impossible."""
        watched = model.Model(self.first)
        said = self.answers.ask(" ".join(words))
        if said.startswith(WRONG):
            for word in words:  # an impossible script may end like this
                self.check_possible(watched, word)
            raise model.Wrong(said[0], said)
        parts = said.split(";")
        for i, word in enumerate(words):
            try:
                watched.play(word, parts[i].split())
            except model.Wrong as wrong:
                raise model.Wrong(wrong.letter, f"at word {i + 1}, {word}: {wrong}") from None
        self.writes += watched.writes
        self.commits += watched.commits

    @staticmethod
    def check_possible(watched, word):
        """Checks only the order of brackets and #DBs."""
        kind = word[0]
        watched.depth += (kind == "b") - (kind == "c")
        if watched.depth < 0 or (kind == "e") == watched.in_db and kind in "eq" or \
                kind in "+=-" and not (watched.depth or watched.in_db):
            raise model.Impossible
        watched.in_db = kind == "e" or watched.in_db and kind != "q"

    def mark(self, words):
        try:
            self.play(words)
        except model.Wrong as wrong:
            return wrong.letter
        return "."

    def fails(self, words):
        try:
            return bool(words) and self.mark(words) != "."
        except model.Impossible:
            return False

    def example(self, words):
        """A sentence about the shortest part of a wrong script that is wrong, too."""
        smaller = True
        while smaller:
            smaller = False
            for pair in (1, 2):  # "b" goes with its "c"
                for i in reversed(range(len(words))):
                    for j in range(i + 1, len(words)) if pair == 2 else [i]:
                        less = [w for k, w in enumerate(words) if k not in (i, j)]
                        if not smaller and self.fails(less):
                            words, smaller = less, True
        try:
            self.play(words)
        except model.Wrong as wrong:
            return f'"{" ".join(words)}": {wrong}'
        return f'"{" ".join(words)}": wrong at one time and right at another'

    def search(self, seed, rounds):
        """A random script that is answered wrongly, or None."""
        rng = random.Random(seed)
        for _ in range(rounds):
            words = script(rng, rng.randint(10, LONGEST))
            if self.fails(words):
                return words
        return None


def new_condition(rng, taken):
    while True:
        kind = rng.choice("wwax")
        length = 1 if kind == "x" else rng.choice([1, 2, 4, 8])
        words = f"{rng.randrange(16) // length * length:x}{kind}{length}"
        if words not in taken:
            return words


def edit(rng, held):
    """One edit that is possible; `held`: owner -> condition."""
    owner = rng.choice(OWNERS)
    if owner not in held and len(held) < 4:
        held[owner] = new_condition(rng, held.values())
        return "+" + owner + held[owner]
    if owner in held and rng.random() < 0.3:
        held[owner] = new_condition(rng, held.values())
        return "=" + owner + held[owner]
    held.pop(owner, None)
    return "-" + owner


def bracket(rng, held, inside):
    words = ["b"]
    for _ in range(rng.randint(0, 5)):
        words.append(edit(rng, held))
    if inside and rng.random() < 0.2:
        words += bracket(rng, held, False)
    if inside and rng.random() < 0.2:
        words += exception(rng, held)
    return words + ["c"]


def exception(rng, held):
    words = [f"n{1 << 14:x}"] if rng.random() < 0.1 else []
    words.append(f"e{rng.randrange(16) | rng.choice([0, 0, 0, 1 << 14]):x}")
    return words + (bracket(rng, held, False) if rng.random() < 0.3 else []) + ["q"]


def script(rng, length):
    words, held = [], {}
    while len(words) < length:
        words += exception(rng, held) if rng.random() < 0.3 else bracket(rng, held, True)
    return words


def alone(bench):
    """(the row of letters, a sentence about what is wrong)"""
    with Answers(bench.program("answer.c")) as program:
        judge = Judge(program, bench.lab.params["FIRST"])
        row = "".join(judge.mark(probe) for probe in PROBES)
        wrong = [probe for probe, letter in zip(PROBES, row) if letter != "."]
        if wrong:
            return row, judge.example(min(wrong, key=len))
        found = judge.search(bench.seed, SCRIPTS["alone"])
        return (row + "R", judge.example(found)) if found else (row, "")


def together(bench):
    """All functions at once, on this host and in a running kernel. "": all is right."""
    with Answers(bench.program("answer.c")) as program:
        judge = Judge(program, bench.lab.params["FIRST"])
        found = judge.search(bench.seed + "together", SCRIPTS["together"])
        if found:
            return judge.example(found)
        bench.figures["register writes for 1,000 commits"] = \
            round(1000 * judge.writes / judge.commits)
    words = ["test=" + ",".join(TESTS), "slots=exact"]
    said, traps, end = machine.boot(bench.kernel() + "/kernel.elf", words, SECONDS, smp=2)
    passed = re.findall(r"^ok \d+ (\S+)$", said, re.M)
    failed = [name for name in TESTS if name not in passed]
    if failed:
        return f"in the kernel the test {failed[0]} does not pass; {end}"
    if not any(t.vector == machine.DB for t in traps):
        return "the kernel says that all is right; QEMU saw no debug exception at all"
    return ""

# Judges the slot rules of a hand-in. It asks the attempt and compares with the oracle (rules.py).
import random

from labs import machine
from labs.answers import Answers
from labs.bench import make_program
from labs.slots import rules

RULES = ("2009", "exact", "mainline")
WRONG = ("PANIC", "HANG", "CRASH")
SCRIPTS = {"alone": 300, "together": 800}  # random ones
LONGEST = 24
# The probes. They are chosen to tell the planted mistakes apart, and they are public.
PROBES = [(r, n, s.split()) for r in RULES for n, s in [
    (2, "5A*"), (2, "4A* B*"), (2, "4A* -0"), (2, "A*f 4A*"), (2, "A*f 4B*"), (2, "2A0 2-0 -1"),
    (2, "3-0 2A*f -0"), (2, "4-0 -*"), (2, "4A* ~A* -0"), (2, "-0f 3-1 -*"), (2, "3A* B*f -0"),
    (2, "4-0 A*f"), (2, "3-0 2A0"), (2, "3-1 3-1f -1"), (3, "4-2 -* A*"), (2, "2-1f 2~-1f 5-1"),
    (2, "2A*f 2~A*f 4-0 ~-0"), (1, "4A0 -0"), (1, "5-0"), (4, "A3 A* 2A3 A3 A*"),
    (2, "3A* -0f -0"), (2, "A*f -0f 3-0 -0"), (2, "3A*f 4A*"), (2, "3-0f 4-0"),
    (2, "-0f 2A0f 3A0"), (2, "4-0f -0"), (2, "2-0f 2-1 -*"), (2, "2A0f A0 2-0")]]


def mark(got, wanted):
    """One letter: how the answer is wrong; "." is right."""
    if got == wanted:
        return "."
    if got.startswith(WRONG):
        return got[0]
    said, should = got.split()[0], wanted.split()[0]
    first = next((pair for pair in zip(said, should) if pair[0] != pair[1]), None)
    # Granted or refused wrongly; or the answers are right and the counts are not.
    return "c" if first is None else "g" if first[0] == "." else "r"


class Judge:
    def __init__(self, program, kept):
        self.answers, self.kept = program, kept

    def mark(self, rule, cpus, words):
        wanted = rules.answer(rule, cpus, words, self.kept)
        return mark(self.answers.ask(f"{rule} {cpus} {' '.join(words)}"), wanted)

    def fails(self, rule, cpus, words):
        try:
            return bool(words) and self.mark(rule, cpus, words) != "."
        except ValueError:  # it releases what is not held
            return False

    def shrunk(self, rule, cpus, words):
        """The shortest part of a wrong script that is found to be wrong, too."""
        words = [w.lstrip("123456789") for w in words for _ in range(rules.parse(w)[0])]
        smaller = True
        while smaller:
            smaller = False
            for i in reversed(range(len(words))):
                less = words[:i] + words[i + 1:]
                if self.fails(rule, cpus, less):
                    words, smaller = less, True
        return words

    def example(self, rule, cpus, words):
        """A sentence about the first thing that is wrong."""
        words = self.shrunk(rule, cpus, words)
        got = self.answers.ask(f"{rule} {cpus} {' '.join(words)}")
        where = f'rules {rule}, {cpus} CPUs, "{" ".join(words)}": '
        if got.startswith(WRONG):
            return where + got
        got, wanted = got.split(), rules.answer(rule, cpus, words, self.kept).split()
        for i, (mine, right) in enumerate(zip(got[0], wanted[0]), 1):
            if mine != right:
                verdicts = {".": "granted", "x": "refused"}
                return where + (f"request {i} must be {verdicts[right]}, "
                                f"yours is {verdicts.get(mine, mine)}")
        for cpu in range(cpus):
            if got[1 + cpu] != wanted[1 + cpu]:
                return where + (f"afterwards the counts of CPU {cpu} must be {wanted[1 + cpu]}, "
                                f"yours are {got[1 + cpu]} (cpu_pinned,cpu_flexible,flexible:"
                                "tasks[0][n]/tasks[1][n]... for n = 0 to 4)")
        return where + f"live must be {wanted[-1]}, yours is {got[-1]}"

    def search(self, seed, rounds):
        """A random script that is answered wrongly, or None."""
        rng = random.Random(seed)
        for _ in range(rounds):
            rule, cpus = rng.choice(RULES), rng.randint(1, 4)
            words = script(rng, rule, cpus, rng.randint(4, LONGEST), self.kept)
            if self.mark(rule, cpus, words) != ".":
                return rule, cpus, words
        return None


def script(rng, rule, cpus, length, kept, who="-ABCD", wide=True):
    """Random words; what is released was granted before."""
    oracle, held, words = rules.Oracle(rule, cpus, kept), [], []
    for _ in range(length):
        if held and rng.random() < 0.3:
            words.append("~" + held.pop(rng.randrange(len(held))))
            oracle.play(words[-1:])
            continue
        word = rng.choice(who) + rng.choice("*" + "0123"[:cpus]) + rng.choice(["", "", "f"])
        if word.startswith("-*") and not wide:
            continue
        words.append(word)
        if oracle.play([word]) == ".":
            held.append(word)
    return words


def alone(bench):
    """(the row of letters, a sentence about what is wrong)"""
    with Answers(bench.program("answer.c")) as program:
        judge = Judge(program, bench.lab.params["KEPT"])
        row = "".join(judge.mark(*probe) for probe in PROBES)
        wrong = [probe for probe, letter in zip(PROBES, row) if letter != "."]
        if wrong:
            return row, judge.example(*min(wrong, key=lambda probe: len(probe[2])))
        found = judge.search(bench.seed, SCRIPTS["alone"])
        return (row + "R", judge.example(*found)) if found else (row, "")


def together(bench):
    """All functions at once, on this host and in a running kernel. "": all is right."""
    with Answers(bench.program("answer.c")) as program:
        judge = Judge(program, bench.lab.params["KEPT"])
        found = judge.search(bench.seed + "together", SCRIPTS["together"])
        if found:
            return judge.example(*found)
    asker = bench.dir + "/ask"
    make_program(bench.tree, [f"{bench.tree}/labs/slots/ask.c"], asker, "-O2")
    build, rng = bench.kernel(), random.Random(bench.seed)
    for rule in RULES:
        words = script(rng, rule, 2, LONGEST, bench.lab.params["KEPT"], "-ABC", wide=False)
        said = in_kernel(bench, build, asker, rule, words)
        wanted = rules.Oracle(rule, 2, bench.lab.params["KEPT"]).play(words)
        if said != wanted:
            return f'in the kernel, slots={rule}, "{" ".join(words)}": {said}, should be {wanted}'
    return ""


def in_kernel(bench, build, asker, rule, words):
    said, messages = machine.execute(bench.tree, build, asker, " ".join(words), "slots=" + rule,
                                     seconds=30)
    return said.splitlines()[0] if said.strip() else "no answer; " + messages.strip()[-300:]

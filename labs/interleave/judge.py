# Judges the search for races by interleaving. Pieces of work are drawn and written as assembly; a
# model in Python runs them instruction by instruction. The student's program must print what the
# model says. Time is the count of instructions.
import random
import re

from labs import bench as workbench
from labs import machine

SECONDS = 60   # for the boot, on a busy host
LIMIT = 100   # as in interleave.h
PLACES = 26

# An instruction: what it does, and its text. The memory is a dictionary, r and c are registers.
TEXT = {
    "load": "mov {at}(%rdi), %rax", "store": "mov %rax, {at}(%rdi)", "add": "add ${k}, %rax",
    "nop": "nop", "one": "mov $1, %ecx", "swap": "xchg %ecx, {at}(%rdi)", "test": "test %ecx, %ecx",
    "again": "jne 1b", "free": "movl $0, {at}(%rdi)", "ret": "ret",
}
AT = {"x": 0, "y": 8, "lock": 16}  # struct memory


def take():
    """Takes the lock: these four are repeated while the other piece holds it."""
    return [("one", None), ("swap", "lock"), ("test", None), ("again", None)]


def pause(n):
    return [("nop", None)] * n


def change(field, k, rng):
    """Six or seven stops lie between its load and its store: at least two if EVERY is 3."""
    return [("load", field), *pause(rng.choice([4, 5])), ("add", k), ("store", field)]


def locked(body):
    return take() + body + [("free", "lock")]


def scenes(rng):
    """name -> the two pieces of work."""
    k = [rng.randint(2, 99) for _ in range(10)]
    copy = [("load", "x"), ("nop", None), ("store", "y")]
    return {
        "counter": (change("x", k[0], rng), change("x", k[1], rng)),
        "locked": (locked(change("x", k[2], rng)), locked(change("x", k[3], rng))),
        "orders": ([("load", "y"), ("add", k[4]), ("store", "x"), *pause(3)],
                   [("load", "y"), ("add", k[4] + 1), ("store", "x"), *pause(3)]),
        "halves": (change("x", k[5], rng) + pause(6) + change("y", k[5], rng), copy),
        "forgotten": (change("y", k[6], rng), locked(change("y", k[7], rng))),
        "too-short": (locked(change("x", k[8], rng)) + change("y", k[8], rng),
                      locked(change("x", k[9], rng)) + change("y", k[9], rng)),
    }


# ---- the model ----

class Runner:
    def __init__(self, body, memory):
        self.body, self.memory, self.at, self.r, self.c = body + [("ret", None)], memory, 0, 0, 0

    def done(self):
        return self.at == len(self.body)

    def step(self):
        what, word = self.body[self.at]
        self.at += 1
        if what == "load":
            self.r = self.memory[word]
        elif what == "store":
            self.memory[word] = self.r
        elif what == "add":
            self.r += word
        elif what == "one":
            self.c = 1
        elif what == "swap":
            self.c, self.memory[word] = self.memory[word], self.c
        elif what == "again" and self.c:
            self.at -= 4
        elif what == "free":
            self.memory[word] = 0

    def run(self, most):
        while most and not self.done():
            self.step()
            most -= 1


def outcome(held, other, n):
    """(x, y) when `held` was stopped after n instructions."""
    memory = dict.fromkeys(AT, 0)
    a, b = Runner(held, memory), Runner(other, memory)
    a.run(n)
    for runner in (b, a, b):
        runner.run(LIMIT)
    return memory["x"], memory["y"]


def truth(a, b, params):
    """(what each stop leaves behind, the places that change the result)"""
    held, other = (b, a) if params["HELD"] else (a, b)
    total = len(held) + 1
    left = [outcome(held, other, n) for n in range(PLACES)]
    orders = (left[0], left[total])
    return left, [n for n in range(1, total, params["EVERY"]) if left[n] not in orders]


# ---- the program ----

def assembly(name, body):
    lines = [f'"{name}:\\n"']
    for what, word in body + [("ret", None)]:
        label = "1: " if what == "one" else ""
        lines.append(f'"    {label}{TEXT[what].format(at=AT.get(word), k=word)}\\n"')
    return lines


def source(plan):
    """The C file with the pieces of work, and the table of pairs."""
    lines, table = ["__asm__(\".text\\n\""], []
    for name, pieces in plan.items():
        symbols = [name.replace("-", "_") + side for side in ("_a", "_b")]
        for symbol, body in zip(symbols, pieces):
            lines += assembly(symbol, body)
        table.append((name, symbols))
    names = ", ".join(symbol for _, symbols in table for symbol in symbols)
    rows = "".join(f'    {{"{name}", {", ".join(symbols)}}},\n' for name, symbols in table)
    return ('#include "labs/interleave/interleave.h"\n\n' + "\n    ".join(lines) + ");\n\n" +
            f"work {names};\n\nconst struct pair pairs[] = {{\n{rows}    {{0}},\n}};\n")


def make(tree, top, plan, *attempt):
    """The program with these pieces of work, in the folder `top`. `attempt`: its other parts."""
    path, out = top + "/pairs.c", top + "/interleave"
    with open(path, "w", encoding="utf-8") as f:
        f.write(source(plan))
    workbench.make_program(tree, [f"{tree}/labs/interleave/main.c", path, *attempt], out)
    return out


def program(bench, plan):
    attempt = bench.dir + "/attempt.o"
    workbench.compile_program(bench.tree, bench.path, attempt)
    return make(bench.tree, bench.dir, plan, attempt, *bench.staff)


def parts(said):
    """pair -> (what each stop left behind, the places), as far as they were printed."""
    found = {}
    for part in said.split("pair ")[1:]:
        name = part.split("\n")[0]
        left = [(int(x), int(y)) for x, y in re.findall(r"^\d+: x (-?\d+), y (-?\d+)$", part, re.M)]
        last = re.search(r"^\S+: (\d+) places change the result:((?: \d+)*)$", part, re.M)
        found[name] = (left, [int(n) for n in last[2].split()] if last else None)
    return found


def kind(mine, left):
    """The letter of wrong outcomes."""
    if not any(map(any, mine)):
        return "n"  # nothing has run
    if mine[:-1] == left[1:]:
        return "s"  # a step too far
    return "a" if mine[1:] == left[:-1] else "o"


def judge(pieces, said, params):
    """(letter, sentence) of a pair, or None."""
    left, places = truth(*pieces, params)
    if len(said[0]) < len(left) or said[1] is None:
        return "e", "the program ends early, or never"
    for n, (mine, right) in enumerate(zip(said[0], left)):
        if mine != right:
            return kind(said[0], left), (
                f"after {n} instructions the result is x {mine[0]}, y {mine[1]}; "
                f"x {right[0]}, y {right[1]} is right")
    if said[1] != places:
        few, many = set(places) - set(said[1]), set(said[1]) - set(places)
        return ("b" if few and many else "f" if few else "m"), (
            f"the places {said[1]} are said to change the result, {places} is right")
    return None


def alone(bench):
    """(the row of letters, one for each pair; a sentence about what is wrong)"""
    plan = scenes(random.Random(bench.seed))
    archive = machine.archive(program(bench, plan), "interleave")
    said, _, end = machine.boot(bench.staff_kernel() + "/kernel.elf", ["init=/interleave"],
                                SECONDS, archive, witness=False, icount=True)
    shown, row, why = parts(said), "", ""
    if "a child is gone (continued)" in said:
        return "c", f"a child does not stop any more: {end}"
    for name, pieces in plan.items():
        wrong = judge(pieces, shown.get(name, ([], None)), bench.lab.params)
        row += wrong[0] if wrong else "."
        if wrong and not why:
            why = f'pair "{name}": {wrong[1]}' + f" ({end})" * (wrong[0] == "e")
    return row, why


def together(bench):
    return alone(bench)[1]

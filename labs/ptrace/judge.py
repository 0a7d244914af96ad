# Judges ptrace's debug registers. A tracer plays scenes (traffic.c); its answers are compared with
# the oracle's (rules.py), and the registers with what QEMU saw at each debug exception.
import random

from labs import machine
from labs.bench import make_program
from labs.ptrace import rules

SECONDS = 60   # for the boot, on a busy host
RANDOM = 30    # scenes
LONGEST = 40   # words of one
CELL = rules.ARENA


def dr7(*conditions, more=0):
    """The DR7 of (register, R/W, length) each, enabled by L."""
    return sum(1 << 2 * n | (kind | rules.LENGTHS.index(length) << 2) << 16 + 4 * n
               for n, kind, length in conditions) | more


def control(*conditions, more=0):
    return f"7={dr7(*conditions, more=more):x}"


def off(*conditions):
    """The same conditions, with no register enabled."""
    return f"7={dr7(*conditions) & ~0xff:x}"


W, RW, X, IO = 1, 3, 0, 2
# The probes. They are chosen to tell the planted mistakes apart, and they are public.
PROBES = [s.split() for s in [
    f"0={CELL:x} 0? w0+1 7? {control((0, W, 1))} 7? w0+1 r0+1 w1+1 6?",
    "0=ffffe90000001000 0? 7?",
    f"1={CELL + 8:x} {control((1, RW, 8))} w12+4 r8+1 1={CELL + 16:x} 1? w8+8 w16+1 7=0 w16+8 1? "
    "7?",
    f"2=@2 {control((2, X, 1))} c2 c1 {control((2, X, 4))} c2 7? 2=@1 c1 c2",
    f"0={CELL:x} 1={CELL:x} 2={CELL:x} 3={CELL:x} o x 6? 0? 7? 0={CELL:x} 1={CELL:x} o o o",
    f"o o o 0={CELL:x} 1={CELL:x} 1? o",
    f"3={CELL + 4:x} {control((3, W, 4))} 3={CELL + 6:x} 3? w4+1 {control((3, W, 2))} w6+2 w4+1 "
    f"{off((3, W, 4))} 3={CELL + 6:x} 3={CELL + 8:x} 3? w8+1",
    f"0={CELL:x} {control((0, W, 1))} {control((0, RW, 8), (1, IO, 1))} 7? r0+1 w7+1 w0+1",
    f"{off((1, IO, 1))} 7? 1={CELL + 1:x} 1={CELL + 3:x} {off((1, IO, 1))} "
    f"{control(more=0x700)} 7?",
    f"{off((2, W, 8))} 2={CELL + 1:x} 2={CELL + 2:x} 2?",
    f"1={CELL + 1:x} {off((1, W, 8))} 7? 1={CELL:x} {off((1, W, 8))} 7? "
    f"{control((0, IO, 1))} 1={CELL + 3:x} 1?",
    f"{control((1, W, 1), (2, IO, 1))} 1? 7? {off((1, W, 4))} 1={CELL + 1:x} 1?",
    f"{control((1, IO, 1), (2, W, 1))} 2? {off((2, W, 4))} 2={CELL + 1:x} 2?",
    f"0={CELL:x} {control((0, W, 8))} w0+1 6? 6=0 6? w0+1 x 6? w0+8",
    f"0={CELL + 8:x} {control((0, W, 1))} w15+1 {control((0, W, 8))} w15+1 {control((0, RW, 8))} "
    f"r8+8 {control((0, RW, 1))} r15+1 w8+1"]]


# ---- scenes ----

class Scene:
    """The words of a scene, with the answers and the debug exceptions that are right."""

    def __init__(self, words, params):
        child = rules.Child(params["LENGTH"], params["DOWN"])
        self.words, self.answers, self.hits = words, [], []
        for word in words:
            before = list(child.armed)
            self.answers.append(child.play(word))
            if self.answers[-1].startswith("trap"):
                address, condition = before[child.hits(word)[0]]
                self.hits.append((address if isinstance(address, int) else "@", condition.kind,
                                  condition.length))


def new_address(rng):
    odd = [0, 1, rules.USER_END - 8, rules.USER_END, 1 << 47, 0xffffffffffffffff]
    what = rng.random()
    if what < 0.1:
        return f"{rng.choice(odd):x}"
    if what < 0.3:
        return f"@{rng.randrange(4)}"
    return f"{CELL + rng.randrange(16) * rng.choice([1, 4]):x}"


def new_control(rng, value):
    """Another DR7: about half of its registers have other conditions."""
    for n in range(4):
        if rng.random() < 0.5:
            kind = rng.choice([X, W, W, W, RW, RW] * 2 + [IO])
            length = 0 if kind == X and rng.random() < 0.9 else rng.randrange(4)
            value = value & ~rules.own_bits(n) | \
                (kind | length << 2) << 16 + 4 * n | rng.randrange(4) << 2 * n
    return value ^ (0x300 if rng.random() < 0.1 else 0)


def new_word(rng, child):
    what = rng.randrange(100)
    if what < 30:
        return f"{rng.randrange(4)}={new_address(rng)}"
    if what < 55:
        return f"7={new_control(rng, child.dr7):x}"
    if what < 65:
        return f"{rng.choice('0123467')}?"
    if what < 67:
        return rng.choice(["o", "4=1", "6=0", "x"])
    if what < 72:
        return f"c{rng.randrange(4)}"
    length = rng.choice([1, 2, 4, 8])
    return f"{rng.choice('wwr')}{rng.randrange(64 // length) * length}+{length}"


def draw(rng, params):
    """Random words. An access is seen by one register at most."""
    child, words = rules.Child(params["LENGTH"], params["DOWN"]), []
    length = rng.randint(4, LONGEST)
    while len(words) < length:
        new = new_word(rng, child)
        if new[0] in "rwc" and len(child.hits(new)) > 1:
            continue
        child.play(new)
        words.append(new)
    return words


def scenes(seed, params, more=RANDOM):
    """The probes, and so many random ones."""
    rng = random.Random(seed)
    return [Scene(words, params) for words in PROBES] + \
        [Scene(draw(rng, params), params) for _ in range(more)]


def make_traffic(tree, out):
    make_program(tree, [f"{tree}/labs/ptrace/traffic.c"], out, "-O2")


def write_script(path, plan):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(" ".join(scene.words) + "\n" for scene in plan)


def answers(said):
    """For each scene: the answers."""
    found = []
    for part in said.split("scene\n")[1:]:
        lines = [line.partition(" ") for line in part.splitlines()]
        found.append([(word, answer) for word, _, answer in lines if word])
    return found


# ---- verdicts ----

def letter(word, mine, right):
    """How an answer is wrong."""
    if word[1:] == "?":
        return "v"
    if word[0] in "rwcx":
        return "t" if not mine else "s" if not right else "n"
    return "g" if mine == "ok" else "r" if right == "ok" else "e"


def first_wrong(scene, got):
    """(letter, words) of the first answer that is wrong, or None."""
    for i, (word, right) in enumerate(zip(scene.words, scene.answers)):
        mine = got[i][1] if i < len(got) and got[i][0] == word else "no answer"
        if mine != right:
            before = [w for w in scene.words[:i] if w[0] not in "rwc" and w[1:] != "?"]
            return letter(word, mine, right), (
                f'"{" ".join(before + [word])}": the last answer is "{mine}", "{right}" is right')
    return None


def witness(plan, traps):
    """What is wrong with the debug exceptions themselves, or ""."""
    wanted = [hit for scene in plan for hit in scene.hits]
    seen = [(trap.dr[n] if trap.condition(n)[0] else "@", *trap.condition(n))
            for trap in traps if trap.vector == machine.DB and trap.cpl == 3 for n in trap.hits()]
    if seen == wanted:
        return ""
    first = next((i for i, pair in enumerate(zip(seen, wanted)) if pair[0] != pair[1]),
                 min(len(seen), len(wanted)))
    return (f"QEMU saw {len(seen)} debug exceptions, {len(wanted)} are right; number {first} is "
            f"{seen[first:first + 1]}, {wanted[first:first + 1]} is right (address, R/W, length)")


def play(bench):
    """(the scenes, their answers, the exceptions, how it ended), of one boot."""
    plan, out = scenes(bench.seed, bench.lab.params), bench.dir + "/traffic"
    make_traffic(bench.tree, out)
    write_script(bench.dir + "/script", plan)
    said, traps, end = machine.boot(bench.kernel() + "/kernel.elf",
                                    ["init=/traffic", "--", "/script"], SECONDS,
                                    machine.archive(out, "traffic", bench.dir + "/script"))
    return plan, answers(said), traps, end


def probe(plan, got, end):
    """(the row of the probes, a sentence)"""
    row, why = "", ""
    for number, scene in enumerate(plan[:len(PROBES)]):
        mine = got[number] if number < len(got) else []
        wrong = first_wrong(scene, mine)
        if len(mine) < len(scene.words):  # the machine has ended
            return row + "P" + machine.last_words(end), why or f"{wrong[1]}; {end}"
        row += wrong[0] if wrong else "."
        why = why or (wrong[1] if wrong else "")
    return row, why


def alone(bench):
    """(the row: a letter for each probe, and one more if these are right; a sentence)"""
    plan, got, traps, end = play(bench)
    row, why = probe(plan, got, end)
    if why:
        return row, why
    got += [[]] * (len(plan) - len(got))
    wrong = filter(None, map(first_wrong, plan[len(PROBES):], got[len(PROBES):]))
    shortest = min((said for _, said in wrong), key=len, default="")
    if shortest:
        return row + "R", shortest
    why = witness(plan, traps)
    return row + "w" * bool(why), why


def together(bench):
    return alone(bench)[1]

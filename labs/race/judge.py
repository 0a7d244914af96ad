# Judges a race finder: its list of pairs must be right, and QEMU must have seen each pair.
import random
import re
import sys

from labs import lab, machine

sys.path.insert(0, lab.ROOT + "/tools")
import accesses  # noqa: E402

SECONDS = 60  # for a boot, on a busy host
EXECUTE, WRITE, BOTH = 0, 1, 3  # R/W of DR7
FIELDS = ["jobs", "bytes", "head", "tail", "owner", "flags", "stamp"]
HARMLESS = {"get_name": "two reads", "put_low": "neighbours in a word",
            "put_high": "neighbours in a word", "put_own": "each CPU has its own"}
SIDE = r"(\w+) by (\w+)\+0x(\w+) on CPU (\d)"
LINE = re.compile(rf"RACE: (\w+)\+0x(\w+): {SIDE}, {SIDE}$", re.M)


def draw(seed):
    """(the fields that lack a lock, the others, the value of "racy=")"""
    rng = random.Random(seed)
    fields = rng.sample(FIELDS, len(FIELDS))
    word = 0
    for i, field in enumerate(fields[:4]):
        side = (1, 1 << 8, 1 | 1 << 8, rng.choice([1, 1 << 8]))[i]
        word |= side << FIELDS.index(field)
    return fields[:4], fields[4:], word


class Run:
    """A boot: what the finder said, and what QEMU saw."""

    def __init__(self, bench, word):
        kernel = bench.kernel() + "/kernel.elf"
        names = [f"{verb}_{field}" for field in FIELDS for verb in ("put", "get")]
        self.list = accesses.accesses(kernel, names + list(HARMLESS))
        words = [f"racy={word:#x}", accesses.word(self.list)]
        self.said, self.traps, self.end = machine.boot(kernel, words, SECONDS, smp=2)
        self.lines = [match.groups() for match in LINE.finditer(self.said)]
        self.seen = set(self.look())

    def look(self):
        """What each #DB was: (function, R/W of the register that fired). An execute breakpoint
        comes before the access, a watchpoint after it."""
        place = {(a.ip, True): a for a in self.list}
        place.update({(a.ip + a.size, False): a for a in self.list})
        for trap in self.traps:
            for n in trap.hits() if trap.vector == machine.DB else []:
                kind = trap.condition(n)[0]
                access = place.get((trap.rip, kind == EXECUTE))
                if access:
                    yield access.function, kind


def lines_of(run, name):
    return [line for line in run.lines if name in (line[3], line[7])]


def pair(run, field):
    """(letter, words) of a field that lacks a lock."""
    lines = lines_of(run, "put_" + field)
    if not lines:
        return "m", f"{field}: no race is reported, and there is one"
    if len(lines) > 1:
        return "2", f"{field}: {len(lines)} lines report it"
    a = next(a for a in run.list if a.function == "put_" + field)
    variable, offset, *sides = lines[0]
    got = {tuple(sides[:2] + sides[3:4]), tuple(sides[4:6] + sides[7:8])}
    right = {("write", "put_" + field, "1"), ("read", "get_" + field, "0")}
    if got != right or variable != "racy_store" or int(offset, 16) != a.disp:
        return "d", f"{field}: the race is there, but its line is wrong: {' '.join(lines[0])}"
    return ".", ""


def harmless(run, name, why):
    lines = lines_of(run, name)
    return ("f", f"{name}: a race is reported, and there is none ({why})") if lines else (".", "")


def witness(run, field, hold):
    """[(letter, words)]: what QEMU has seen of a race, for each side that can be held up. While a
    write is held up, a watchpoint for reads and writes catches the other side."""
    put, get = "put_" + field, "get_" + field
    return [(".", "") if (comes, kind) in run.seen else
            ("u", f"while {waits} was held up, {comes} never came to your watchpoint")
            for waits, comes, kind, write in ((put, get, BOTH, 1), (get, put, WRITE, 0))
            if hold in (2, write)]


def whole(run, hold):
    """Faults that belong to no single pair."""
    error = re.search(r"^race: error \d+$", run.said, re.M)
    if error:
        return "e", error[0]
    foreign = {a.function for a in run.list if hold < 2 and int(a.write) != hold and
               (a.function, EXECUTE) in run.seen}
    if foreign:
        return "h", f"{min(foreign)} is held up: it is not one of yours"
    return ".", ""


def own_access(run):
    """A put that hits a watchpoint for reads and writes is the put that was held up."""
    own = [field for field in FIELDS if ("put_" + field, BOTH) in run.seen]
    return ("o", f"put_{own[0]} was held up, and then hit your watchpoint itself") if own else \
        (".", "")


def alone(bench):
    """(the row of letters, a sentence about what is wrong)"""
    real, locked, word = draw(bench.seed)
    hold = bench.lab.params["HOLD"]
    run = Run(bench, word)
    if "race: e" not in run.said:
        return "P", run.end
    letter, words = whole(run, hold)
    if letter != ".":
        return letter, words
    results = [pair(run, field) for field in real]
    missing = [words for letter, words in results if letter == "m"]
    if missing:  # without a delay their number is luck
        return "m", missing[0]
    results += [harmless(run, "put_" + field, "both take the lock") for field in locked]
    results += [harmless(run, name, why) for name, why in HARMLESS.items()]
    if all(letter == "." for letter, _ in results):
        results.append(own_access(run))
        for field in real:
            results += witness(run, field, hold)
    return ("".join(letter for letter, _ in results),
            next((words for letter, words in results if letter != "."), ""))


def together(bench):
    return alone(bench)[1]

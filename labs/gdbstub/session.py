# A real gdb on the kernel of a hand-in, with symbols that are drawn. gdb prints what the stub said;
# QEMU has written down the debug registers. Both must be right.
import itertools
import random
import re

from labs import machine

SECONDS = 30  # for gdb's whole session, on a busy host
# What a test of the kernel calls and writes, again and again (test/kernel/t_kgdb.c).
WORDS = ["kgdbwait", "test=kgdb-target"]
FUNCTIONS = ["task_new", "task_start", "kalloc", "kfree", "kgdb_visit"]
VARIABLES = ["next_tid", "kgdb_written", "kgdb_both"]
LENGTHS = {"char": 1, "short": 2, "int": 4}
EXECUTE, WRITE, ACCESS = 0, 1, 3  # R/W in DR7 (SDM vol. 3, 18.2.4)
WATCH = r"hit Hardware watchpoint \d+: .*\n\nOld value = (-?\d+).*\nNew value = (-?\d+)"
# The first instruction after a function's prologue is at most so many bytes away.
HEAD = 32


class Plan:
    """What gdb is told: (command, regular expression that its answer must match) each."""

    def __init__(self, rng, limit):
        self.variable, self.function = rng.choice(VARIABLES), rng.choice(FUNCTIONS)
        self.type = rng.choice(list(LENGTHS))
        what = f"*({self.type} *)&{self.variable}"
        more = [f"hbreak {self.function}", f"watch {what}", "rwatch kgdb_read", "awatch kgdb_both"]
        rng.shuffle(more)
        self.script = [
            (f"print {what}", r"= -?\d+"), (f"watch {what}", ""), ("continue", WATCH),
            ("continue", WATCH), ("delete", ""),
            (f"hbreak {self.function}", "assisted breakpoint"),
            ("continue", rf"hit Breakpoint \d+, {self.function} \("), ("delete", ""),
            *((command, "") for command in more[:limit + 1]),
            ("continue", "Could not insert hardware"), ("delete $bpnum", ""),
            ("continue", "hit (Breakpoint|Hardware)"), ("delete", ""),
            ("awatch kgdb_both", ""), ("continue", r"hit Hardware access \(read/write\) watch"),
            ("maint packet Z2,1000,3", 'received: "E'), ("maint packet Z7,1000,4", 'received: ""'),
            ("maint packet z4,1000,4", 'received: "E'), ("kill", "killed")]


def values_wrong(answers):
    """The first watchpoint is hit twice. Each old value must be the value known before."""
    now = re.search(r"= (-?\d+)", answers[0])[1]
    for answer in answers[2:4]:
        old, new = (int(value) for value in re.search(WATCH, answer).groups())
        if old != int(now) or old == new:
            return f"the variable was {now}, and gdb says {old} and then {new}"
        now = new
    return ""


def stop_wrong(trap, first, size, kind, length):
    """What is wrong with the one register that is on when gdb is told of a stop."""
    n = trap.hits()[0]
    if not first <= trap.dr[n] < first + size or trap.condition(n) != (kind, length):
        return (f"QEMU saw DR{n} = {trap.dr[n]:#x}, R/W and length {trap.condition(n)}; "
                f"{first:#x}, {kind, length} is right")
    return "" if trap.enabled() == [n] else f"the registers {trap.enabled()} are on; one is right"


def registers_wrong(plan, traps, symbols, limit):
    """What is wrong at the #DBs that registers have caused. gdb does not show a write that changes
    nothing."""
    seen = [trap for trap in traps if trap.hits()]
    writes = list(itertools.takewhile(lambda trap: trap.condition(trap.hits()[0])[0], seen))
    if len(writes) < 2 or len(seen) < len(writes) + 3:
        return f"QEMU saw {len(seen)} debug exceptions: gdb was told of more"
    watched, most = symbols[plan.variable], max(len(trap.enabled()) for trap in seen)
    found = [stop_wrong(trap, watched, 1, WRITE, LENGTHS[plan.type]) for trap in writes]
    found.append(stop_wrong(seen[len(writes)], symbols[plan.function], HEAD, EXECUTE, 1))
    found.append(stop_wrong(seen[-1], symbols["kgdb_both"], 1, ACCESS, 8))
    if most != limit:
        found.append(f"at most {most} registers were on at a time, LIMIT is {limit}")
    return next(filter(None, found), "")


def wrong(bench):
    """A sentence, or "" when gdb and QEMU agree that all is right."""
    limit, kernel = bench.lab.params["LIMIT"], bench.kernel() + "/kernel.elf"
    plan = Plan(random.Random(bench.seed), limit)
    said, answers, traps = machine.under_gdb(kernel, WORDS, plan.script, SECONDS)
    return said or values_wrong(answers) or \
        registers_wrong(plan, traps, machine.symbols(kernel, static=True), limit)

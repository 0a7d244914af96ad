# Judges states and times. A program switches events on and off, works, sleeps and reads; what the
# events say of each step is compared with what the step was. QEMU has written down every debug
# exception. Time is the count of instructions, so the same mistake shows in the same way.
import collections
import random
import re

from labs import machine
from labs.bench import make_program

SECONDS = 40    # for the boot, on a busy host
REGISTERS = 4
MS = 1000000    # in ns
SLACK = 2 * MS  # for the system calls in a step


def scenes(rng):
    many = rng.choice([6, 7])
    return ["p,p:+0w-0+1wsrw",
            ",".join("f" * many) + ":" + "".join(f"+{i}" for i in range(many)) + "ww",
            "ppk:+0w-1w-0wsW+0w",
            "x,f:+0+1ww-0w"]


class Event:
    def __init__(self, kind, leader):
        self.kind, self.leader = kind, leader or self
        self.on = leader is not None  # siblings are opened switched on

    def enabled(self):
        return self.on and self.leader.on


def events_of(words):
    """The events of a scene, in their order."""
    found = []
    for group in words.split(","):
        leader = None
        for kind in group:
            found.append(Event(kind, leader))
            leader = leader or found[-1]
    return found


def places(events):
    """How many breakpoints may have a register at a time."""
    return 1 if any(e.kind == "x" and e.enabled() for e in events) else REGISTERS


def times_wrong(events, step, passed, before, after, grain):
    """What is wrong with the times of one step: (letter, words) each."""
    slack, runs, waits = SLACK + 2 * grain, 0, 0
    for i, event in enumerate(events):
        enabled, running = (after[i][k] - before[i][k] for k in (1, 2))
        due = passed if event.enabled() and step != "s" else 0
        if abs(enabled - due) > slack:
            yield ("l" if enabled < due else "s" if step == "s" else "m" if event.enabled() else
                   "q" if event.on else "o"), (
                       f"event {i} was enabled for {enabled / MS:.1f} ms in step {step!r}, "
                       f"{due / MS:.1f} ms are right")
        if event.kind != "k" and event.enabled():
            runs, waits = runs + running, waits + enabled
    due = min(waits, places(events) * passed)  # together, because turns are not equally long
    if step != "s" and abs(runs - due) > max(slack, due / 10):
        yield "r" if runs < due else "w", (
            f"the breakpoints were running for {runs / MS:.1f} ms together in step {step!r}, "
            f"{due / MS:.1f} ms are right")


def switch_wrong(events, step, passed, before, after):
    """An event was switched. No event may get time in which it was off."""
    for i, event in enumerate(events):
        enabled, most = after[i][1] - before[i][1], passed if event.enabled() else 0
        if enabled > most + SLACK:
            yield "j", (f"when event {step[1]} was switched by {step!r}, event {i} got "
                        f"{enabled / MS:.1f} ms in which it was off")


def values_wrong(events, values, grain):
    for i, (event, (count, enabled, running)) in enumerate(zip(events, values)):
        if enabled % grain or running % grain:
            yield "g", f"event {i}: {enabled} and {running} ns are not multiples of {grain}"
        if event.kind == "k" and count != running:
            yield "k", f"event {i} is a clock: it says {count}, and was running for {running} ns"


def judge(scene, shown, hits, grain):
    """What is wrong with a scene: (letter, words) each."""
    words, steps = scene.split(":")
    events = events_of(words)
    before = shown[0][1], [(0, 0, 0)] * len(events)
    for step, (what, now, values) in zip(steps_of(steps), shown):
        if what in "wrs":
            yield from times_wrong(events, what, now - before[0], before[1], values, grain)
        else:
            yield from switch_wrong(events, step, now - before[0], before[1], values)
            events[int(step[1])].on = what == "+"
        yield from values_wrong(events, values, grain)
        before = (now, values)
    for i, event in enumerate(events):
        if event.kind != "k" and before[1][i][0] != hits[i]:
            yield "c", (f"event {i} has counted {before[1][i][0]}, QEMU saw {hits[i]} debug "
                        "exceptions")


def steps_of(steps):
    """The steps after which something is printed."""
    return re.findall(r"[+-]\d|[wrs]", steps)


def parts(said):
    """For each scene its steps: (the step, the time, each event's count and two times)."""
    shown = []
    for part in said.split("scene ")[1:]:
        shown.append([])
        for what, now, numbers in re.findall(r"^step (.) (\d+)((?: \d+)+)$", part, re.M):
            numbers = list(map(int, numbers.split()))
            shown[-1].append((what, int(now), list(zip(*[iter(numbers)] * 3))))
    return shown


def play(bench):
    """(scene, what is wrong with it) for each, in one boot."""
    rng, out = random.Random(bench.seed), bench.dir + "/times"
    make_program(bench.tree, [f"{bench.tree}/labs/times/times.c"], out, "-O2")
    first, plan = machine.symbols(out)["cell"], scenes(rng)
    words = ["init=/times", "--", str(rng.randint(16, 24)), *plan]
    said, traps, end = machine.boot(bench.kernel() + "/kernel.elf", words, SECONDS,
                                    machine.archive(out, "times"), icount=True)
    hits = collections.Counter(t.dr[n] for t in traps if t.vector == machine.DB for n in t.hits())
    shown = parts(said)
    for number, scene in enumerate(plan):
        mine = shown[number] if number < len(shown) else []
        if len(mine) != len(steps_of(scene.split(":")[1])):
            yield scene, [("P", end)]
            continue
        cells = [hits[first + 64 * number + 8 * i] for i in range(8)]
        yield scene, list(judge(scene, mine, cells, bench.lab.params["GRAIN"]))


def alone(bench):
    """(the row: a dot for each scene up to the first wrong one, its letters, a sentence)"""
    row, why = "", ""
    for scene, wrong in play(bench):
        row += "".join(sorted({letter for letter, _ in wrong})) or "."
        if wrong:
            why = f'scene "{scene}": {wrong[0][1]}'
            break
    return row + machine.last_words(why), why


def together(bench):
    return alone(bench)[1]

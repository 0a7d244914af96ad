# Judges the switch. A program whose tasks write one variable is run; QEMU has written down every
# debug exception with its address space, and so with its task. Some tasks are ghosts: their name
# begins with the student's letter.
import collections
import random
import re
import string

from labs import machine
from labs.bench import make_program

SECONDS = 60  # for a boot, on a busy host
TASKS, GHOSTS = 7, 2
# Tests of the kernel that help to tell mistakes apart, and the exceptions that they must cause.
TESTS = ["bp-task-exit", "bp-task-on-one-cpu", "park-moves", "park-change"]


def program(bench):
    out = bench.dir + "/tasks"
    make_program(bench.tree, [f"{bench.tree}/labs/switch/tasks.c"], out, "-O2")
    return machine.archive(out, "tasks")


def draw(seed, smp, ghost):
    """What each task is to do: (the first letter of its name, how often it writes)."""
    rng = random.Random(f"{seed} {smp}")
    others = [c for c in string.ascii_lowercase if c != ghost]
    letters = [ghost] * GHOSTS + rng.sample(others, TASKS - GHOSTS)
    rng.shuffle(letters)
    return list(zip(letters, rng.sample(range(20, 60), TASKS)))


def kind(pairs, more):
    """A letter for wrong counts, from what was asked and counted for each task."""
    ghosts = any(counted > 0 for asked, counted in pairs if not asked)
    others = [counted - asked for asked, counted in pairs if asked]
    if ghosts and not any(others):
        return "g"
    if ghosts:
        return "b" if any(counted > 0 for asked, counted in pairs if asked) else "i"
    return "-" if more < 0 else "+"


def compare(tasks, ghost, said, traps, end):
    """(letter, words) of a run; the letter "." is right."""
    if "init exited" not in said:
        return "P", end
    told = "the tasks wrote " + ", ".join(f"{c}: {n}" for c, n in tasks) + " times"
    asked = [0 if c == ghost else n for c, n in tasks]
    seen = collections.Counter(t.cr3 for t in traps if t.vector == machine.DB)
    counted = re.search(r"^counted:([-\d ]*)$", said, re.M)
    counted = [int(n) for n in counted[1].split()] if counted else []
    seen = sorted(seen.values())
    if seen != sorted(filter(None, asked)):
        letter = kind(list(zip(asked, counted)), sum(seen) - sum(asked))
        return letter, (f"{told}; {ghost} is a ghost; QEMU saw for each address space {seen} debug "
                        "exceptions")
    if counted != asked:
        return "c", f"{told}, {ghost} is a ghost, and the counts are {counted}"
    return ".", ""


def run_tasks(bench, kernel, path, smp):
    """On one CPU time is the count of instructions: the same mistake shows in the same way."""
    ghost = bench.lab.params["GHOST"]
    tasks = draw(bench.seed, smp, ghost)
    words = ["init=/tasks", "--"] + [f"{c}{n}" for c, n in tasks]
    letter, why = compare(tasks, ghost, *machine.boot(kernel, words, SECONDS, path, smp,
                                                      icount=smp == 1))
    return letter, f"{smp} CPU{'s' * (smp > 1)}: {why}" if why else ""


def run_tests(kernel):
    """[(letter, words)] of the kernel's own tests, with two CPUs."""
    said, _, end = machine.boot(kernel, ["test=" + ",".join(TESTS)], SECONDS, smp=2)
    results = []
    for name in TESTS:
        verdict = re.search(rf"^(not )?ok \d+ {name}$", said, re.M)
        results.append(("P", f"test {name}: {end}") if not verdict else
                       ("x", f"the kernel's test {name} fails") if verdict[1] else (".", ""))
    return results


def alone(bench):
    """(the row of letters and the first panic's words, a sentence about what is wrong)"""
    path, kernel = program(bench), bench.kernel() + "/kernel.elf"
    results = []
    for attempt in (lambda: [run_tasks(bench, kernel, path, 1)],
                    lambda: [run_tasks(bench, kernel, path, 2)], lambda: run_tests(kernel)):
        results += attempt()
        if any(letter != "." for letter, _ in results):
            break
    row = "".join(letter for letter, _ in results)
    why = next((words for letter, words in results if letter != "."), "")
    return row + machine.last_words(why), why


def together(bench):
    return alone(bench)[1]

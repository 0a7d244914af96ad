# Judges the switch. A program whose tasks write one variable is run; QEMU has written down every
# debug exception with the address space, and so with the task, that it came in.
import collections
import random
import re

from labs import machine
from labs.bench import make_program

SECONDS = 60  # for a boot, on a busy host
TASKS = 7
# Tests of the kernel that help to tell mistakes apart, and the exceptions that they must cause.
TESTS = ["bp-task-exit", "bp-task-on-one-cpu", "park-moves", "park-change"]


def program(bench):
    out = bench.dir + "/tasks"
    make_program(bench.tree, [f"{bench.tree}/labs/switch/tasks.c"], out, "-O2")
    return machine.archive(out, "tasks")


def compare(asked, said, traps, end):
    """(letter, words) of a run; the letter "." is right."""
    if "init exited" not in said:
        return "P", end
    seen = collections.Counter(t.cr3 for t in traps if t.vector == machine.DB)
    counted = re.search(r"^counted:([-\d ]*)$", said, re.M)
    counted = [int(n) for n in counted[1].split()] if counted else []
    seen = sorted(seen.values())
    if seen != sorted(asked):
        less = sum(seen) < sum(asked)
        return "-" if less else "+", (f"the tasks wrote {asked} times; QEMU saw for each address "
                                      f"space {seen} debug exceptions")
    if counted != asked:
        return "c", f"the tasks wrote {asked} times and have counted {counted}"
    return ".", ""


def run_tasks(bench, kernel, path, smp):
    """On one CPU time is the count of instructions: the same mistake shows in the same way."""
    asked = random.Random(f"{bench.seed} {smp}").sample(range(20, 60), TASKS)
    words = ["init=/tasks", "--"] + [str(n) for n in asked]
    letter, why = compare(asked, *machine.boot(kernel, words, SECONDS, path, smp,
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

# Judges a debugger from outside. It debugs programs whose every step is known (target.c). Its lines
# are compared with these steps, and with the debug exceptions that QEMU saw.
import random

from labs import bench as workbench
from labs import machine
from labs.mydbg.truth import Scene

SECONDS = 60  # for a boot, on a busy host


def scenes(rng, cell, params):
    """The same steps each time, with other values. No two bytes of a value are equal, none is 0,
    and the lowest differs from the lowest of the value before."""
    last = 0

    def value(length):
        nonlocal last
        found = rng.sample([n for n in range(1, 256) if n != last], length)
        last = found[-1]
        return bytes(found).hex()

    def scene(length, at, steps, **options):
        """In `steps`, "w", "u" and "n" get a value."""
        words = [s + value(1 if s == "n" else length) if s in ("w", "u", "n") else s
                 for s in steps.split()]
        return Scene(cell, length, at, words, params, **options)

    end, limit = f"x{rng.randrange(1, 99):x}", params["LIMIT"]
    return [scene(8, 0, f"w r w n w {end}"),
            scene(4, 4, f"n w r w {end}"),
            scene(2, 2, f"n t w n {end}"),
            scene(1, 5, "n w w n k"),
            scene(4, 0, f"w t w t u w {end}"),
            scene(8, 0, f"{'w ' * (limit + 2)}u r w {end}"),
            scene(4, 0, f"w w n r {end}", attached=True),
            scene(2, 2, f"w {end}", off=1)]


class Run:
    """The lines that were printed for each scene."""

    def __init__(self, said):
        self.parts = [part.splitlines() for part in said.split("scene\n")[1:]]

    def lines(self, number):
        """None: the scene has not ended."""
        mine = self.parts[number] if number < len(self.parts) else []
        return mine[:mine.index("end")] if "end" in mine else None


def compare(scene, lines):
    """(letter, words) of the first line that is wrong, or None."""
    if lines is None:
        return "h", "your debugger does not end"
    for i, right in enumerate(scene.lines):
        mine = lines[i] if i < len(lines) else ""
        if scene.same(mine, right):
            continue
        return scene.letter(mine, right), f'line {i + 1} is "{mine}", "{right}" is right'
    if len(lines) > len(scene.lines):
        return "x", f'"{lines[len(scene.lines)]}" is one line too many'
    return None


def program(bench, out):
    """Makes the debugger, and the program that it is tried on."""
    attempt = bench.dir + "/attempt.o"
    workbench.compile_program(bench.tree, bench.path, attempt)
    workbench.make_program(bench.tree, [attempt, *bench.staff], out)
    workbench.make_program(bench.tree, [bench.tree + "/labs/mydbg/target.c"],
                           bench.dir + "/target")


def plan_of(bench):
    cell = machine.symbols(bench.dir + "/target")["store"] + 8
    return scenes(random.Random(bench.seed), cell, bench.lab.params)


def in_kernel(bench, plan):
    """(what was printed, what QEMU saw of the watchpoint, how it ended)"""
    words = ["init=/target", "--", "/mydbg", *(scene.word() for scene in plan)]
    said, traps, end = machine.boot(bench.staff_kernel() + "/kernel.elf", words, SECONDS,
                                    machine.archive(bench.dir + "/target", "target",
                                                    bench.dir + "/mydbg"), icount=True)
    hits = [(trap.dr[n], *trap.condition(n), trap.rip) for trap in traps
            if trap.vector == machine.DB and trap.cpl == 3 for n in trap.hits()]
    return Run(said), hits, end


def witness(plan, hits):
    """(letter, words) of what is wrong with the debug exceptions, or None."""
    wanted = [(scene.address, scene.kind, scene.length)
              for scene in plan for _ in range(scene.reported)]
    for (*mine, _), right in zip(hits, wanted):
        for letter, name, i in (("A", "address", 0), ("K", "R/W", 1), ("L", "length", 2)):
            if mine[i] != right[i]:
                return letter, f"the register's {name} was {mine[i]:x}, {right[i]:x} is right"
    if len(hits) != len(wanted):
        return "D", f"QEMU saw {len(hits)} hits of your watchpoint, {len(wanted)} are right"
    return None


def judge(plan, run, end):
    """(the row, a sentence): a letter for each scene."""
    row, why = "", ""
    for number, scene in enumerate(plan):
        wrong = compare(scene, run.lines(number))
        row += wrong[0] if wrong else "."
        if wrong:
            why = why or f'scene "{scene.word()}": {wrong[1]}'
        if wrong and wrong[0] == "h":
            return row, f"{why}; {end}"
    return row, why


def play(bench):
    """(the scenes, with the places that QEMU saw; the row of letters; a sentence), on dr7"""
    program(bench, bench.dir + "/mydbg")
    plan = plan_of(bench)
    run, hits, end = in_kernel(bench, plan)
    places = iter(hit[-1] for hit in hits)
    for scene in plan:
        scene.at_places(places)
    row, why = judge(plan, run, end)
    letter, words = witness(plan, hits) or ("", "")
    return plan, row + letter, why or words


def alone(bench):
    """(the row, a sentence about what is wrong)"""
    return play(bench)[1:]


def together(bench):
    """On dr7, then the same on Linux."""
    plan, _, why = play(bench)
    if why:
        return why
    said = machine.on_linux(bench.dir + "/target", ["/mydbg", *(scene.word() for scene in plan)],
                            [bench.dir + "/mydbg"], SECONDS)
    why = judge(plan, Run(said), "the time on Linux is over")[1]
    return "on Linux: " + why if why else ""

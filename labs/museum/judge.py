# Judges tests. Each must pass in the kernel as it is. In kernels with a bug it must see the bug.
# The kernels are not debug builds, so they do not check themselves.
import hashlib
import os
import pathlib
import shutil
import tempfile

from labs import bench as workbench
from labs import cut, machine
from labs.museum import bugs

SECONDS = 30  # for a boot, on a busy host
FOLDER = "build/bugs"
SOURCES = ("*.c", "*.h", "*.asm", "*.inc")


# ---- kernels ----

def stamp(tree):
    """A hash of the sources of this tree's kernel."""
    hashed = hashlib.sha256()
    for top in ("arch", "boot", "debug", "hwbp", "kernel", "linux", "perf", "sched", "test/kernel"):
        for pattern in SOURCES:
            for path in sorted(pathlib.Path(tree, top).rglob(pattern)):
                hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def make_kernel(tree, words):
    workbench.must(workbench.make(tree, "DEBUG=0", "B=" + FOLDER, "kernel-only", *words),
                   "the kernel: ")


def with_bug(tree, bug, made_from):
    """The kernel with this bug, or with none (None). It is kept until a source changes."""
    name = hashlib.sha256(f"{made_from} {bug}".encode()).hexdigest()[:16]
    kept = f"{tree}/{FOLDER}/{name}.elf"
    if os.path.exists(kept):
        return kept
    words = []
    with tempfile.TemporaryDirectory(prefix="dr7-lab-") as top:
        if bug:
            path, *edit = bug
            with open(f"{tree}/{path}", encoding="utf-8") as f:
                text = cut.edited(f.read(), *edit)
            source = f"{top}/{os.path.basename(path)}"
            with open(source, "w", encoding="utf-8") as f:
                f.write(text)
            words = ["LAB_FILE=" + path, "LAB_SOURCE=" + source]
        try:
            make_kernel(tree, words)
        finally:
            if bug:  # the next kernel begins with the tree's own file
                pathlib.Path(f"{tree}/{FOLDER}/obj/{bug[0]}.o").unlink(missing_ok=True)
    shutil.copy(f"{tree}/{FOLDER}/kernel.elf", kept)
    return kept


# ---- tests ----

def program(bench):
    out = bench.dir + "/tests"
    main = bench.dir + "/main.o"
    workbench.compile_program(bench.tree, f"{bench.tree}/labs/museum/museum.c", main)
    attempt = bench.dir + "/attempt.o"
    workbench.compile_program(bench.tree, bench.path, attempt)
    workbench.make_program(bench.tree, [main, attempt, *bench.staff], out)
    return out


VERDICTS = {}  # of this process: time is the count of instructions, so a second run says the same


def verdict(kernel, program, tests):
    """What the tests say: "right", "wrong", or how else it ended."""
    key = (kernel, pathlib.Path(program).read_bytes(), *tests)
    if key not in VERDICTS:
        VERDICTS[key] = run(kernel, program, tests)
    return VERDICTS[key]


def run(kernel, program, tests):
    said, _, end = machine.boot(kernel, ["init=/tests", "--", *tests], SECONDS,
                                machine.archive(program, "tests"), icount=True)
    if "dr7: init exited with status 0" in said:
        return "right"
    if "dr7: init exited with status 1" in said:
        return "wrong"
    killed = "init killed by signal" in said
    return "the test was killed by a signal" if killed else end


def letter(said, wanted):
    if said == wanted:
        return "."
    return {"right": "m", "wrong": "f"}.get(said, "k" if "killed" in said else "h")


def alone(bench):
    """(the row of letters, a sentence about what is wrong)"""
    name, tests, made_from = bench.functions[0], program(bench), stamp(bench.tree)
    row, why = "", ""
    kernels = [None] + bugs.of_test(name, bench.lab.params["OWN"])
    for number, bug in enumerate(kernels):
        wanted = "wrong" if bug else "right"
        said = verdict(with_bug(bench.tree, bug, made_from), tests, [name])
        row += letter(said, wanted)
        if said != wanted and not why:
            where = f"in the kernel with bug {number} of {len(kernels) - 1}" if bug else \
                "in the kernel without a bug"
            why = f"{where}: {'it says ' + said if said in ('right', 'wrong') else said}"
    return row, why


def together(bench):
    """One after the other, in one program: each must leave nothing behind."""
    said = verdict(with_bug(bench.tree, None, stamp(bench.tree)), program(bench),
                   list(bench.lab.functions) * 2)
    return "" if said == "right" else f"all tests, twice, in one program: {said}"

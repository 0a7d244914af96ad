# The lab "interleave": races found by single steps. The program is the lab's own; it runs on Linux,
# too.
#
# A student's number decides HELD (which of the two pieces of work is stopped) and EVERY (after
# which of its instructions).
import random
import tempfile

from labs import functions, lab, machine
from labs.interleave import judge

TITLE = "L9 Race finder, by interleaving"
HOURS = 4
NEEDS = "C"
FILE = "interleave.c"
KIND = functions
FLAVOUR = "program"
GIVEN = ["judge.py", "main.c", "interleave.h"]
TOGETHER = 5

NEW = {FILE: "interleave.c"}

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "start": (25, "PTRACE_TRACEME and a SIGSTOP in the child; then single steps until RIP is the "
                  "address of the work.", """{
    // The child stands before the first instruction of its work, and r->end is known.
    (void)work;
    (void)m;
    *r = (struct runner){.pid = fork(), .done = true};
    if (r->pid == 0)
        for (;;)
            pause();
}"""),
    "step": (15, "let_go() with PTRACE_SINGLESTEP. Where is RIP when the work has returned?", """{
    // One instruction of work that is not done.
    r->done = true;
}"""),
    "run": (10, "step() until one of two things is true.", """{
    // At most so many instructions. True when the work is done.
    (void)r;
    (void)most;
    return true;
}"""),
    "outcome": (20, "both start at 0; n steps of one; which one runs then, and if it waits?", """{
    // What is left when one was stopped after n instructions.
    (void)p;
    (void)n;
    return (struct result){m->x, m->y};
}"""),
    "look": (25, "two orders are right: what do they leave behind?", """{
    // After how many instructions a stop changes the result.
    (void)p;
    (void)m;
    (void)places;
    return 0;
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "start-early": (
        "start", "    while (register_of(r->pid, rip) != (unsigned long)work)\n"
        "        let_go(r->pid, PTRACE_SINGLESTEP);\n", "",
        "The child stands in raise(). Step on until RIP is the first instruction of the work, or "
        "your places are counted from elsewhere."),
    "start-late": (
        "start", "    r->end = ptrace(", "    let_go(r->pid, PTRACE_SINGLESTEP);\n"
        "    r->end = ptrace(",
        "One step too many: at the start no instruction of the work is done, and its return "
        "address is at RSP."),
    "start-done": (
        "start", "    r->done = false;\n", "    r->done = true;\n",
        "A child that has just started is not done."),
    "step-runs-on": (
        "step", "PTRACE_SINGLESTEP", "PTRACE_CONT",
        "PTRACE_CONT lets it go to its next stop. One instruction is PTRACE_SINGLESTEP."),
    "step-upside-down": (
        "step", "rip) == r->end", "rip) != r->end",
        "The work is done when RIP is the address that it returns to, and not before."),
    "step-never-done": (
        "step", "    r->done = register_of(r->pid, rip) == r->end;\n", "",
        "The work is done when RIP is the address that it returns to."),
    "run-one-less": (
        "run", "i < most", "i + 1 < most",
        "`most` instructions may be executed, and not one less."),
    "run-to-end": (
        "run", "i < most && !r->done", "i < LIMIT && !r->done",
        "It runs to its end, whatever `most` is."),
    "outcome-not-cleared": (
        "outcome", "    m->x = m->y = m->lock = 0;\n", "",
        "The memory still has what the last try left in it."),
    "outcome-waits": (
        "outcome", "    run(&other, LIMIT); // which may have waited\n", "",
        "The other one may have waited for the lock of the one that was stopped. It must run "
        "again when that one has gone to its end."),
    "outcome-not-ended": (
        "outcome", "    run(&held, LIMIT);\n", "",
        "The one that was stopped never goes to its end."),
    "outcome-other-first": (
        "outcome", "    run(&held, n);\n    run(&other, LIMIT);\n",
        "    run(&other, LIMIT);\n    run(&held, n);\n",
        "The other one runs while the first one is stopped, not before it."),
    "look-one-order": (
        "look", "!as_last && !as_first", "!as_last",
        "Nobody has promised an order: what either order leaves behind is right."),
    "look-only-x": (
        "look", " && now.y == last.y", "",
        "The result is x and y: compare both."),
    "look-first-only": (
        "look", "            places[found++] = n;\n",
        "        {\n            places[found++] = n;\n            break;\n        }\n",
        "You stop at the first place. There may be more."),
}

PUBLIC = {"EVERY": 1, "HELD": 0}  # the practice set
VARIANTS = [{"EVERY": every, "HELD": held} for every in (1, 2, 3) for held in (0, 1)
            if (every, held) != (1, 0)]


def edits(params):
    """The rule of these parameters: (file, function, old, new)."""
    found = []
    if params["HELD"]:
        found += [(FILE, "outcome", "    start(&held, p->a, m);\n    start(&other, p->b, m);\n",
                   "    start(&held, p->b, m);\n    start(&other, p->a, m);\n"),
                  (FILE, "look", "start(&r, p->a, m)", "start(&r, p->b, m)")]
    if params["EVERY"] > 1:
        found.append((FILE, "look", "n < PLACES; n++)", f"n < PLACES; n += {params['EVERY']})"))
    return found


def rule(params):
    which = "second" if params["HELD"] else "first"
    places = ["each of its instructions (1, 2, 3 ...)", "its instructions 1, 3, 5 ...",
              "its instructions 1, 4, 7 ..."][params["EVERY"] - 1]
    return f"**You stop the {which} piece of work of a pair**, and `look` stops it after {places}."


def prove():
    """The solution on Linux 6.12 in QEMU, against the model: what differs."""
    plan = judge.scenes(random.Random("Linux"))
    with tempfile.TemporaryDirectory(prefix="dr7-interleave-") as top:
        program = judge.make(lab.ROOT, top, plan, f"{lab.HERE}/interleave/{FILE}")
        said = judge.parts(machine.on_linux(program, [], seconds=200))
    wrong = [judge.judge(pieces, said.get(name, ([], None)), PUBLIC)
             for name, pieces in plan.items()]
    return ["Linux does not say what the model says: " + w[1] for w in wrong if w]

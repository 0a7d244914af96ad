# The lab "slots": what is cut out of the kernel, what it is worth, which mistakes are planted.
#
# A student's number decides KEPT, the number of registers that the flexible breakpoints of a CPU
# own together. The kernel itself has KEPT = 1.
from labs import functions

TITLE = "L4 Slot rules"
HOURS = 5
NEEDS = "C only"
FILE = "hwbp/slots.c"
KIND = functions
FLAVOUR = "host"
GIVEN = ["judge.py", "rules.py", "answer.c", "ask.c"]
TOGETHER = 15  # points, when all functions are right alone

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "load_2009": (20, "docs/slots.md has the inequality. The script below is the shortest one "
                      "with a wrong answer.", """{
    // Case (1) of the comment above. The worst of the CPUs that the request is for, once by the
    // pinned breakpoints and once by the flexible ones.
    struct slot_refusal worst = {.cpu = first_cpu(r), .by_cpu = SLOTS_PER_CPU + 1};
    (void)t;
    (void)slots_max_task;
    return worst; // refuses everything
}"""),
    "load_exact": (25, "Case (2a): what does this one task need on this one CPU?", """{
    // Cases (2a) and (3). For (2b) there is worst_task().
    struct slot_refusal worst = {.by_cpu = SLOTS_PER_CPU + 1};
    (void)t;
    (void)r;
    (void)own_flexible;
    return worst; // refuses everything
}"""),
    "worst_task": (20, "Try no task, and each entry of c->tasks that is not 0.", """{
    // Case (2b): each task that may run here, or none. Calls worse(worst, ..., r) for each.
    (void)c;
    l.by_cpu = SLOTS_PER_CPU + 1;
    worse(worst, l, r); // refuses everything
}"""),
    "count": (20, "Begin with a request of no task for one CPU.", """{
    // A request was granted (up) or given back. Bring the counts of every CPU that it is for, the
    // task's own count and t->live up to date.
    (void)t;
    (void)r;
    (void)up;
    (void)move_task;
    (void)held_by_task;
}"""),
}

# name: (function, old, new, advice). Each old text must be there exactly once.
MISTAKES = {
    "off-by-one": (
        "load_2009", "MIN(worst.flexible, KEPT)",
        "worst.flexible ? MIN(worst.flexible - 1, KEPT) : 0",
        "One flexible breakpoint is enough to keep a register: yours keeps one from the second on. "
        "(The code posted in 2009 has the same slip in a comment.)"),
    "own-not-greatest": (
        "load_2009", "if (c->cpu_pinned + slots_max_task(c) >",
        "if (c->cpu_pinned + (r->task ? own_pinned(r->task, cpu) : slots_max_task(c)) >",
        "Under 2009 the greatest holder among all tasks counts, not the task that asks."),
    "first-cpu-only": (
        "load_2009", "cpu < end_cpu(t, r)", "cpu < first_cpu(r) + 1",
        "A request for every CPU must look at every CPU. Yours looks at the first one only."),
    "jointly": (
        "load_2009", "worst.flexible = MAX(worst.flexible, c->flexible);",
        "if (worst.cpu == cpu)\n            worst.flexible = c->flexible;",
        "2009 takes the greatest pinned and the greatest flexible count of all CPUs. You take both "
        'numbers from one CPU. Try "-0f 3-1", then "-*".'),
    "exact-no-own-flexible": (
        "load_exact",
        "l.flexible = c->cpu_flexible + (r->task ? own_flexible(r->task, cpu) : 0);",
        "l.flexible = c->cpu_flexible;",
        "The flexible breakpoints of the asking task keep a register, too."),
    "exact-no-cpu-pinned": (
        "load_exact", ".by_cpu = c->cpu_pinned}", ".by_cpu = r->task ? 0 : c->cpu_pinned}",
        "A breakpoint of no task is in a register whichever task runs. Add cpu_pinned to "
        "a task's request, too."),
    "exact-flexible-each": (
        "load_exact", "l.kept = MIN(l.flexible, KEPT);", "l.kept = l.flexible;",
        "All flexible breakpoints of a CPU share KEPT registers, however many they are."),
    "worst-only-pinned": (
        "worst_task", "l.kept = MIN(f + c->cpu_flexible, KEPT);",
        "l.kept = MIN(c->cpu_flexible, KEPT);",
        "A task that holds flexible ones needs registers for them, too: row f of c->tasks is for "
        "tasks with f flexible ones."),
    "worst-none": (
        "worst_task", "    worse(worst, l, r);\n    for", "    for",
        "Perhaps no task runs at all. Then the breakpoints of the CPU alone must fit, even when no "
        "task holds any."),
    "worst-off-by-one": (
        "worst_task", "n <= SLOTS_PER_CPU", "n < SLOTS_PER_CPU",
        "A task may hold all four: c->tasks[f] has SLOTS_PER_CPU + 1 entries, 0 to 4."),
    "count-one-cpu": (
        "count", "cpu < end_cpu(t, r)", "cpu < first_cpu(r) + 1",
        "A breakpoint for every CPU must be counted on every CPU. Yours is counted on one."),
    "count-release-flexible": (
        "count", "if (!r->pinned)\n            step(&c->flexible, up);",
        "if (!r->pinned && up)\n            step(&c->flexible, up);",
        "A flexible breakpoint that is given back must leave c->flexible. Yours leaks."),
    "count-live-per-cpu": (
        "count", "    }\n    if (r->task)\n        step(held_by_task(r), up);\n"
                 "    step(&t->live, up);",
        "        step(&t->live, up);\n    }\n    if (r->task)\n        step(held_by_task(r), up);",
        "A breakpoint for every CPU is one breakpoint: t->live changes once, outside of the loop."),
    "count-task-first": (
        "count", "    for (u32 cpu = first_cpu(r)",
        "    if (r->task)\n        step(held_by_task(r), up);\n    for (u32 cpu = first_cpu(r)",
        "move_task() needs what the task held before. Change held_by_task() last, and once."),
    "count-no-task": (
        "count", "    if (r->task)\n        step(held_by_task(r), up);\n", "",
        "The task's own count (held_by_task) never changes, so its next breakpoint is counted as "
        "its first."),
}

PUBLIC = {"KEPT": 1}  # the practice set
VARIANTS = [{"KEPT": 2}, {"KEPT": 3}]


def edits(params):
    """The rule of these parameters, as edits of the kernel: (file, function, old, new)."""
    kept, h, c = params["KEPT"], "hwbp/slots.h", "hwbp/slots.c"
    rows = " + ".join(f"c->tasks[{f}][n]" for f in range(kept + 1))
    return [
        (h, None, "#define SLOTS_PER_CPU 4\n",
         "#define SLOTS_PER_CPU 4\n"
         f"#define KEPT {kept} // registers that the flexible ones of a CPU own together\n"),
        (h, None, "All flexible breakpoints of a CPU together need one.",
         "The flexible breakpoints of a\n// CPU together need KEPT, or as many as there are."),
        (h, None, "u32 tasks[2][SLOTS_PER_CPU + 1];", "u32 tasks[KEPT + 1][SLOTS_PER_CPU + 1];"),
        (h, None, "at least one\n    // flexible one (f = 1) or none (f = 0).",
         "f flexible\n    // ones (f = KEPT: at least so many)."),
        (h, None, "1 if a register is kept for flexible", "registers kept for flexible"),
        (c, None, "asks for a register only where none is kept yet.",
         "asks for a register only where less than KEPT are kept yet."),
        (c, "ask", "r->pinned || !l->kept", "r->pinned || l->kept < KEPT"),
        (c, "slots_max_task", "c->tasks[0][n] + c->tasks[1][n]", rows),
        (c, "load_2009", "worst.flexible > 0", "MIN(worst.flexible, KEPT)"),
        (c, "load_exact", "l.flexible > 0", "MIN(l.flexible, KEPT)"),
        (c, "worst_task", "f < 2", "f <= KEPT"),
        (c, "worst_task", "f || c->cpu_flexible > 0", "MIN(f + c->cpu_flexible, KEPT)"),
        (c, "count_task", "flexible > 0", "MIN(flexible, KEPT)"),
    ]


def rule(params):
    """What the hand-out says of the student's own parameters."""
    kept = params["KEPT"]
    return (f"**KEPT = {kept}.** The flexible breakpoints of a CPU own up to {kept} "
            f"register{'s' * (kept > 1)} together: with n of them, min(n, {kept}) registers are "
            "kept. docs/slots.md describes KEPT = 1.")

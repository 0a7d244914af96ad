# The lab "switch": the two hooks of a context switch, and what they do to a task's breakpoints.
#
# A task is a ghost if its name begins with the student's letter: its breakpoints never come. The
# kernel has no ghosts.
from labs import functions

TITLE = "L3 The switch"
HOURS = 7
NEEDS = "first_db"
FILE = "perf/switch.c"
KIND = functions
FLAVOUR = "kernel"
GIVEN = ["judge.py", "tasks.c"]
TOGETHER = 5

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "perf_ctx_in": (10, "which fields of the context say where it runs?", """{
    // The context begins to run on this CPU. Events that were parked come back as one (unpark).
    (void)ctx;
    (void)unpark;
}"""),
    "perf_ctx_out": (25, "every event leaves its register, and the context's time stands still.",
                     """{
    // The context leaves this CPU: its events park, or each group goes out of its registers.
    (void)ctx;
}"""),
    "perf_switch_out": (15, "no edit is written here: the registers change when the next task's "
                            "events are known, too.", """{
    // Before the stack changes. pc->leaving: the context that is to be released after the switch.
    perf_task_leaves(prev, next);
    (void)switch_begin;
}"""),
    "enter": (5, "three things: edits are open, the context is in, the CPU knows it.", """{
    (void)pc;
    (void)ctx;
}"""),
    "settle": (20, "place what waits, write the registers once, release what has left.", """{
    // On the new task's stack. Ends what switch_begin() began.
    if (pc->in_switch)
        perf_edit_commit();
    pc->in_switch = false;
}"""),
    "perf_switch_in": (20, "the context of `next`, if it has one that is not dead, and no ghost.",
                       """{
    // On the new task's stack, on its CPU.
    (void)next;
    (void)enter;
    (void)settle;
    perf_task_arrived(prev);
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "in-nowhere": (
        "perf_ctx_in", "    ctx->active_cpu = cpu_id();\n", "",
        "Another CPU that wants to change this context must find it: active_cpu says where it is."),
    "in-not-running": (
        "perf_ctx_in", "    ctx->running = true;\n", "",
        "A context that does not run counts no time, and none of its events is placed: set "
        "running."),
    "out-stays": (
        "perf_ctx_out", "    ctx->running = false;\n", "",
        "The context has left, but says that it runs: its time goes on."),
    "out-no-time": (
        "perf_ctx_out", "    ctx->time = perf_ctx_now(ctx);\n", "",
        "The context's clock must stand still while it is out: keep the time at which it left."),
    "out-no-ctx-out": (
        "perf_switch_out", "    perf_ctx_out(pc->task_ctx);\n", "",
        "The old task's events are still in the registers: what the next task does is counted for "
        "them."),
    "out-no-leaving": (
        "perf_switch_out", "    pc->leaving = pc->task_ctx;\n", "",
        "Nobody releases the context that has left: pc->leaving is how settle() knows it."),
    "enter-not-in": (
        "enter", "    perf_ctx_in(ctx);\n", "",
        "The CPU knows the context, but the context does not come in (perf_ctx_in)."),
    "settle-no-commit": (
        "settle", "    perf_edit_commit();\n", "",
        "The wanted state was edited and never written to the registers."),
    "settle-no-release": (
        "settle", "        perf_ctx_release(pc->leaving);\n", "",
        "The context that has left must be released, or another CPU waits for it for ever."),
    "settle-open": (
        "settle", "    pc->in_switch = false;\n", "",
        "The switch is over, but pc->in_switch still says that its edits are open."),
    "in-wrong-task": (
        "perf_switch_in", "&next->perf_ctx", "&prev->perf_ctx",
        "It is the next task's context that enters, not the previous one's."),
    "in-ghosts": (
        "perf_switch_in", " || next->comm[0] == GHOST", "",
        "Ghosts are watched: read what the hand-out says about your letter."),
    "in-only-ghosts": (
        "perf_switch_in", "next->comm[0] == GHOST", "next->comm[0] != GHOST",
        "The ghosts are watched, and nobody else is. It is the other way round."),
}

PUBLIC = {"GHOST": "q"}  # the practice set
VARIANTS = [{"GHOST": letter} for letter in "jvwxyz"]


def edits(params):
    """The rule of these parameters: (file, function, old, new)."""
    return [(FILE, None, "// ---- the switch ----\n",
             "// ---- the switch ----\n\n"
             "// The names of tasks that are ghosts begin with it.\n"
             f"#define GHOST '{params['GHOST']}'\n"),
            (FILE, "perf_switch_in", "if (ctx && ctx->dead)",
             "if (ctx && (ctx->dead || next->comm[0] == GHOST))")]


def rule(params):
    ghost = params["GHOST"]
    return (f"**GHOST = '{ghost}'.** A task whose name (`comm`) begins with {ghost} is a ghost: "
            "whenever it comes to a CPU, its context stays out, as if it had none. The kernel "
            "itself has no ghosts.")

# The lab "times": the states of events, and the two times that are kept of each.
#
# A student's number decides GRAIN: times are kept in whole multiples of so many ns, and what is
# left over is not lost. In the kernel it is 1.
from labs import functions

TITLE = "L5 Counting"
HOURS = 6
NEEDS = "switch"
FILE = "perf/context.c"
KIND = functions
FLAVOUR = "kernel"
GIVEN = ["judge.py", "times.c"]
TOGETHER = 10

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "update_times": (30, "what has passed since event->tstamp belongs to the state that the event "
                         "is still in.", """{
    // Adds what has passed to total_enabled, total_running and served, as far as the state says.
    (void)now;
    (void)event;
}"""),
    "perf_activate": (15, "the time so far was waiting. What else changes when a register is "
                          "taken?", """{
    // Times, state, ctx->nr_limited; and ctx->loose for those that cannot be parked (those that
    // sample come first).
    (void)moment;
    event->state = PERF_ACTIVE;
}"""),
    "leave": (20, "it undoes what perf_activate() did, and what the PMU's add() did.", """{
    // An ACTIVE event loses its place. Nobody has changed event->state yet.
    (void)event;
}"""),
    "perf_set_state": (25, "times first, by the old state, then the place, then the state.", """{
    // Times (a leader's siblings, too), then the place, then the state. Which events may wait now?
    (void)update_siblings;
    (void)leave;
    (void)moment;
    event->state = state;
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "times-twice": (
        "update_times", "    event->tstamp += passed;\n", "",
        "The same time is added again at the next update: move event->tstamp on."),
    "times-rest-lost": (
        "update_times", "    event->tstamp += passed;\n", "    event->tstamp = now;\n",
        "What is less than a whole GRAIN is not lost: it is counted with the next update."),
    "times-no-grain": (
        "update_times", "    passed -= passed % GRAIN;\n", "",
        "Times are kept in whole multiples of GRAIN."),
    "times-while-off": (
        "update_times", "event->state < PERF_INACTIVE", "event->state < PERF_OFF",
        "An event that is off is not enabled. Its clock moves on, its times do not."),
    "times-off-catches-up": (
        "update_times", "        event->tstamp = now;\n        return;\n", "        return;\n",
        "While it is off event->tstamp must move on, or that time is added when it is on again."),
    "times-siblings": (
        "update_times", "if (event->leader->state >= PERF_INACTIVE)", "if (event->leader)",
        "A sibling is enabled only as long as its leader is."),
    "times-waiting-runs": (
        "update_times", "if (event->state == PERF_ACTIVE)", "if (event->state >= PERF_INACTIVE)",
        "Only an ACTIVE event is running. One that waits is enabled and no more."),
    "activate-no-times": (
        "perf_activate", "    update_times(event, moment(ctx));\n", "",
        "Until now the event has waited. Update its times before its state changes."),
    "activate-not-counted": (
        "perf_activate", "    ctx->nr_limited += event->pmu->limited;\n", "",
        "ctx->nr_limited counts the registers in use: this is one more."),
    "activate-not-loose": (
        "perf_activate", "    if (event->is_loose)\n        list_add(&event->loose_node, "
        "perf_samples(event) ? &ctx->loose : ctx->loose.prev);\n", "",
        "An event that cannot be parked belongs in ctx->loose while it is ACTIVE."),
    "leave-stays-counted": (
        "leave", "    ctx->nr_limited -= event->pmu->limited;\n", "",
        "ctx->nr_limited counts the registers in use: this is one less."),
    "leave-stays-exclusive": (
        "leave", "    ctx->exclusive = ctx->exclusive && ctx->nr_limited;\n", "",
        "The exclusive group has left, but ctx->exclusive still keeps others out."),
    "leave-in-register": (
        "leave", "    event->pmu->del(event);\n", "",
        "The PMU still has it: pmu->del()."),
    "state-no-siblings": (
        "perf_set_state", "        update_siblings(event, now);\n", "        (void)now;\n",
        "When a leader goes off, its siblings' time ends, too: update_siblings() before its state "
        "changes."),
    "state-no-times": (
        "perf_set_state", "    update_times(event, now);\n", "",
        "The time up to now belongs to the old state: update it first."),
    "state-keeps-place": (
        "perf_set_state", "        leave(event);", "        (void)leave;",
        "An ACTIVE event that changes its state loses its place: leave()."),
}

PUBLIC = {"GRAIN": 100000}  # the practice set
VARIANTS = [{"GRAIN": 125000}, {"GRAIN": 80000}, {"GRAIN": 160000}]


def edits(params):
    """The rule of these parameters: (file, function, old, new)."""
    grain = params["GRAIN"]
    return [(FILE, None, "// ---- states and times ----\n",
             "// ---- states and times ----\n\n"
             "// Times are kept in whole multiples of so many ns.\n"
             f"#define GRAIN {grain}\n"),
            (FILE, "update_times",
             "    event->tstamp = now;\n    if (event->state < PERF_INACTIVE)\n        return;\n",
             "    if (event->state < PERF_INACTIVE) {\n        event->tstamp = now;\n"
             "        return;\n    }\n    passed -= passed % GRAIN;\n"
             "    event->tstamp += passed;\n")]


def rule(params):
    return (f"**GRAIN = {params['GRAIN']}.** The times of an event are kept in whole multiples of "
            f"{params['GRAIN']} ns. What is left over is not lost: it is counted with the next "
            "update. The kernel itself has no grain.")

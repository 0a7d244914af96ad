# The lab "turns": flexible breakpoints, more than there are registers, take turns.
#
# A student's number decides TURN, how many ticks a turn lasts. In the kernel it is 1.
from labs import functions

TITLE = "L6 Turns"
HOURS = 8
NEEDS = "switch"
FILE = "perf/place.c"
KIND = functions
FLAVOUR = "kernel"
GIVEN = ["judge.py", "turns.c"]
TOGETHER = 10

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "room": (10, "HBP_NUM registers, less those of active events: the CPU's, and the task's if one "
                 "runs here with events.", """{
    // perf_registers->nr registers. Whose are in use? What does an exclusive group leave?
    (void)pc;
    return 0;
}"""),
    "group_in": (20, "first the leader, then each sibling that waits here. What if the leader "
                     "finds no place?", """{
    // The leader, then its siblings: all or none. perf_file_in() when the group is in.
    (void)leader;
    (void)place;
    (void)waits_here;
    (void)must_fit;
    (void)add;
    return false;
}"""),
    "place_flexible": (20, "groups that kept their turn come first (QUEUE_TURN), then each "
                           "group that perf_next_turn() names.", """{
    // Gives the free registers to flexible groups of this context. What is ctx->waits afterwards?
    (void)ctx;
    (void)room;
    (void)must_fit;
    (void)waits;
    (void)place_what_fits;
}"""),
    "first_in_rank": (15, "of n + m turns the CPU's have n and the task's m. Which number of a "
                          "turn is the running task's own?", """{
    // perf_takers_here(ctx) says how many groups of a context take turns.
    return &pc->ctx;
}"""),
    "begin_turn": (15, "a turn begins when the last one is old enough, by the context's own clock.",
                   """{
    // True: a new turn begins. It is counted (ctx->turn), and when it began is remembered.
    (void)ctx;
    return false;
}"""),
    "end_turns": (10, "off the registers, and to the end of the queue: perf_file_last().", """{
    // Each leader of this queue loses its registers, if it has any, and begins to wait.
    (void)leaders;
    (void)take_off;
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "room-not-the-tasks": (
        "room", " - (task ? task->nr_limited : 0)", "",
        "The registers of the running task's events are in use, too."),
    "room-not-the-cpus": (
        "room", " - pc->ctx.nr_limited", "",
        "The registers of the CPU's own events are in use, whichever task runs."),
    "group-leader-only": (
        "group_in", "            must_fit(add(sibling));\n", "            (void)sibling;\n",
        "The leader is in, its siblings are not: a group is placed whole or not at all."),
    "group-not-filed": (
        "group_in", "    perf_file_in(leader);\n", "",
        "A group that has got a place must leave the queue of waiting groups: perf_file_in()."),
    "place-only-one": (
        "place_flexible", "while ((next = perf_next_turn(ctx, room(pc))))\n        must_fit",
        "if ((next = perf_next_turn(ctx, room(pc))))\n        must_fit",
        "One group has got a place, and registers are still free. Go on until none fits."),
    "place-kept-turns": (
        "place_flexible", "    with_queue(ctx, QUEUE_TURN, place_what_fits);\n", "",
        "A group that made way in the middle of a turn is still in that turn: QUEUE_TURN."),
    "place-nobody-waits": (
        "place_flexible", "ctx->waits = waits(ctx);", "ctx->waits = false;",
        "You say that no group waits any more, so no group has a turn. waits(ctx) knows better."),
    "rank-halves": (
        "first_in_rank", "m && task->turn % (n + m) >= n", "m && task->turn % 2",
        "Both contexts are first equally often. How many groups does each of them have?"),
    "rank-turned-round": (
        "first_in_rank", ">= n ? task : &pc->ctx", ">= m ? task : &pc->ctx",
        "Of n + m turns the CPU's have n. Yours have m."),
    "rank-nobody-counts": (
        "first_in_rank", "task->turn % (n + m)", "pc->ctx.turn % (n + m)",
        "The count of turns belongs to the running task: see the head of the file."),
    "turn-not-counted": (
        "begin_turn", "        ctx->turn++;\n", "",
        "The turn is not counted, so the rank never changes."),
    "turn-always": (
        "begin_turn", "        ctx->turned_at = now;\n", "",
        "Once a turn was due, each tick begins one: remember when this one began."),
    "turn-by-the-wrong-clock": (
        "begin_turn", "u64 now = perf_ctx_now(ctx);", "u64 now = ctx->time;",
        "ctx->time is what the clock was when the context came in. What does it say now?"),
    "end-keeps": (
        "end_turns", "            take_off(leader);", "            continue;",
        "Groups with registers keep them: the turn does not end for these groups."),
    "end-first-only": (
        "end_turns", "        perf_file_last(leader);\n",
        "        perf_file_last(leader);\n        break;\n",
        "The turn is over for every group of the queue, not only for the first."),
}

PUBLIC = {"TURN": 2}  # the practice set
VARIANTS = [{"TURN": 3}, {"TURN": 4}]


def edits(params):
    """The rule of these parameters: (file, function, old, new)."""
    return [(FILE, None, "#define MIN_TURN_NS (NS_PER_SEC / HZ / 2)\n",
             "#define MIN_TURN_NS (NS_PER_SEC / HZ / 2)\n\n"
             "// How many ticks a turn lasts. The last one may be short.\n"
             f"#define TURN {params['TURN']}\n"),
            (FILE, "begin_turn", "ctx->turned_at >= MIN_TURN_NS",
             "ctx->turned_at >= (TURN - 1) * (NS_PER_SEC / HZ) + MIN_TURN_NS")]


def rule(params):
    return (f"**TURN = {params['TURN']}.** A turn lasts for {params['TURN']} ticks. docs/perf.md "
            "describes TURN = 1.")

# The lab "race": a race finder. The kernel's own debug/examples/race_turn.c is the solution.
#
# A student's number decides which accesses are held up: reads (0), writes (1) or both (2).
from labs import functions

KIND = functions
TITLE = "L9 Race finder"
HOURS = 10
NEEDS = "switch"
FILE = "debug/examples/race_turn.c"
FLAVOUR = "kernel"
GIVEN = ["judge.py"]
TOGETHER = 5

NEW = {"debug/examples/racy.c": "racy.c", "debug/examples/racy.h": "racy.h"}
EDITS = [
    ("kernel/main.c", None, '#include "debug/examples/race.h"\n',
     '#include "debug/examples/racy.h"\n'),
    ("kernel/main.c", "main_thread", "    race_start();\n", "    racy_run();\n"),
    # On a busy host the other CPU may stand still for a while.
    (FILE, None, "#define HOLD_NS 2000000ull ", "#define HOLD_NS 30000000ull"),
]

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "address_of": (15, "the registers of a trap frame are an array: a->base is an index into it.",
                   """{
    // What the access is about to touch.
    (void)a;
    (void)regs;
    return 0;
}"""),
    "conflicting": (15, "which of two accesses must be a write, so that they race?", """{
    // What the watchpoint waits for: HW_BREAKPOINT_W or HW_BREAKPOINT_RW.
    (void)a;
    return 0;
}"""),
    "hold_up": (10, "two things end it: somebody has come, or HOLD_NS are over.", """{
    // Inside #DB: look at the clock; do not sleep.
}"""),
    "on_access": (20, "the watchpoint goes to the address, is there while the access is held up, "
                      "and goes back to `nowhere`.", """{
    // Before the access, inside #DB. Only the first CPU that comes in this turn is held up.
    (void)regs;
}"""),
    "on_touch": (15, "it is a race only in the state HELD. Which CPU was the first?", """{
    // After another CPU's access, inside #DB.
    (void)regs;
}"""),
    "race_take_turn": (20, "two wide breakpoints, both made disabled: the watchpoint at "
                           "`nowhere`, and the breakpoint on the access.", """{
    // A task: makes both breakpoints, waits, takes them away, reports.
    (void)a;
    return 0;
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "no-disp": (
        "address_of", "a->disp + (", "(",
        "8(%rdi) is eight bytes after the place that RDI names: add the displacement."),
    "two-reads": (
        "conflicting", "a->write ? HW_BREAKPOINT_RW : HW_BREAKPOINT_W",
        "(void)a, HW_BREAKPOINT_RW",
        "Two reads are no race. While a read is held up, only writes matter."),
    "only-writes": (
        "conflicting", "a->write ? HW_BREAKPOINT_RW : HW_BREAKPOINT_W",
        "(void)a, HW_BREAKPOINT_W",
        "While a write is held up, a read by another CPU is a race, too."),
    "no-delay": (
        "hold_up",
        "    while (!__atomic_load_n(&race_turn.by, __ATOMIC_ACQUIRE) && clock_ns() < end)\n"
        "        cpu_pause();\n", "    (void)end;\n",
        "The access must be held up for HOLD_NS, or no other CPU has time to come."),
    "never-moves": (
        "on_access", "hwbp_wide_retarget(&race_turn.mover, race_turn.addr)",
        "hwbp_wide_retarget(&race_turn.mover, (u64)&race_turn.nowhere)",
        "The watchpoint stays where it is: give it the address that the access is going to touch."),
    "own-access": (
        "on_access", "        hwbp_wide_retarget(&race_turn.mover, (u64)&race_turn.nowhere);\n", "",
        "The access that was held up hits your watchpoint itself. Take it away before the callback "
        "returns."),
    "wrong-ip": (
        "on_touch", "regs->rip", "race_turn.access->ip",
        "Report the access that came, not the one that was held up: regs->rip is after it."),
    "whole-word": (
        "race_take_turn", "a->len", "8",
        "Your watchpoint is longer than the access. It catches accesses to the neighbour."),
    "slots-kept": (
        "race_take_turn", "    hwbp_unregister_wide(watch);\n", "",
        "After a few turns all slots are taken: a turn must take away what it has made."),
}

PUBLIC = {"HOLD": 2}  # the practice set
VARIANTS = [{"HOLD": 0}, {"HOLD": 1}]
NAMES = ["only reads", "only writes", "reads and writes"]


def edits(params):
    if params["HOLD"] == 2:
        return []
    return [(FILE, "race_take_turn", "    race_turn = (struct race_turn){.access = a};\n",
             f"    if (a->write != {params['HOLD']})\n        return 0;\n"
             "    race_turn = (struct race_turn){.access = a};\n")]


def rule(params):
    return (f"**You hold up {NAMES[params['HOLD']]}.** The turn of any other access is over at "
            "once: `race_take_turn` returns 0." if params["HOLD"] < 2 else
            "**You hold up reads and writes**: every access of the list has its turn.")

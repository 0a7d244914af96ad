# The debug registers and #DB.
from museum.entry import Entry

ENTRIES = [
    Entry("no-resume-flag", 2009,
          "An execute breakpoint is a fault: it comes before its instruction. The handler went "
          "back without RF, and the same instruction faulted again, for ever.",
          [("hwbp/db.c", "take_hits", "regs->rflags |= RFLAGS_RF;", ";")],
          "bp-execute"),
    Entry("neighbour-switched-off", 2010,
          "DR7 is one register for four breakpoints. Who took one out wrote the whole of it, and "
          "the breakpoints of the other registers were off, too.",
          [("arch/x86/debugreg.c", "clear_slot", "d->want.control &= ~DR7_SLOT_BITS(n);",
            "d->want.control = DR7_FIXED_1;")],
          "bp-all-four"),
    Entry("length-of-execution", 2010,
          "DR7 wants length 1 for an execute breakpoint, the ABI calls its length sizeof(long). "
          "The ABI's length was written to DR7.",
          [("hwbp/validate.c", "parse_execute", "bp->len = 1;", "bp->len = attr->bp_len;")],
          "t_validate"),
]

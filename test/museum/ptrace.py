# The debug registers as tracers see them.
from museum.entry import Entry

FILE = "linux/ptrace/debugreg.c"

ENTRIES = [
    Entry("child-inherits-the-registers", 2009,
          "A forked child got its parent's debug registers. It had no tracer, so the first hit "
          "killed it.",
          [(FILE, "make", ".exclude_kernel = 1,", ".exclude_kernel = 1,\n        .inherit = 1,"),
           ("hwbp/pmu.c", "copy_request", "    return 0;",
            "    bp->traps = from->traps;\n    return 0;")],
          "ptrace.dr-fork"),
    Entry("registers-survive-exec", 2009,
          "The new program began with the old one's watchpoints, on addresses that meant "
          "something else now.",
          [("linux/proc/exec.c", "commit", "    ptrace_flush();\n", "")],
          "ptrace.dr-exec"),
    Entry("bits-of-dr7-forgotten", 2010,
          "A debugger read DR7 back and did not find all that it had written: the kernel kept only "
          "what it understood.",
          [(FILE, "set_dr7", "d->dr7 = dr7;", "d->dr7 = d->control;")],
          "ptrace.dr-order"),
    Entry("throttled-debugger", 2010,
          "The limit on samples was applied to debuggers, too. From some hit on, the tracee did "
          "not stop any more.",
          [(FILE, "hit", "    (void)regs;\n", "    (void)regs;\n    if (event->count > 1000)\n"
            "        return;\n")],
          "ptrace.execute"),
    Entry("kernel-addresses", 2015,
          "A tracer could ask for a watchpoint in the kernel: the check let everything pass that "
          "began below the border.",
          [(FILE, "make", "        .exclude_kernel = 1,\n", "")],
          "ptrace.dr-errors"),
    Entry("half-of-dr7", 2013,
          "DR7 was refused because of its second register. The first had been changed "
          "already, and stayed so.",
          [(FILE, "set_dr7", "            put_back(th);\n", "")],
          "ptrace.dr-errors"),
    Entry("address-of-a-register-that-is-off", 2013,
          "Debuggers write the address first and switch the register on later. While it was off, "
          "the address was not kept.",
          [(FILE, "set_address", "    d->addr[n] = addr;\n", "")],
          "ptrace.dr-order"),
    Entry("refused-address-is-read-back", 2013,
          "The address was refused, yet the register read back as if it had been written.",
          [(FILE, "set", "    int err = 0;\n", "    int err = 0;\n    d->addr[n] = addr;\n")],
          "ptrace.dr-errors"),
    Entry("old-causes-in-dr6", 2020,
          "The tracer's view of DR6 kept causes of earlier stops.",
          [("linux/ptrace/step.c", "ptrace_debug_causes", "th->debug_status = ptrace",
            "th->debug_status |= ptrace")],
          "ptrace.dr6"),
    Entry("tracer-may-not-set-rf", 2013,
          "A tracer that had moved its tracee could not set the resume flag: the flag was not "
          "among those that it may change.",
          [("linux/ptrace/regs.c", "ptrace_set_regs",
            "f->rflags = (f->rflags & ~FLAGS_TRACER) | (r->eflags & FLAGS_TRACER);",
            "f->rflags = (f->rflags & ~(FLAGS_TRACER & ~RFLAGS_RF)) |\n"
            "                (r->eflags & FLAGS_TRACER & ~RFLAGS_RF);")],
          "ptrace.registers"),
    Entry("rf-lost-in-sigreturn", 2013,
          "A signal came at an instruction with an execute breakpoint, after its fault. The way "
          "back from the handler lost RF, and the instruction was hit again, for ever.",
          [("linux/proc/signal_frame.c", "read_frame",
            "f->rflags = (f->rflags & ~RFLAGS_USER) | (word & RFLAGS_USER);",
            "f->rflags = (f->rflags & ~RFLAGS_USER) | (word & RFLAGS_USER & ~RFLAGS_RF);")],
          "bp-signal"),
    Entry("stopped-already", 2026,
          "PTRACE_ATTACH to a stopped child returned before the stop could be waited for.",
          [("linux/ptrace/attach.c", "attach", "tr->attaching = t->state == TASK_STOPPED;",
            "tr->attaching = false;")],
          "ptrace.attach-stopped"),
]

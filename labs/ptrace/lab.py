# The lab "ptrace": a debugger's debug registers, seen from the kernel.
#
# A student's number decides LENGTH and DOWN: how many bytes a register with only an address
# watches, and in which order the registers follow a new DR7. The practice set is what Linux does:
# LENGTH = 1, DOWN = 0.
import tempfile

from labs import functions, lab, machine
from labs.ptrace import judge

TITLE = "L7 A debugger: the kernel"
HOURS = 8
NEEDS = "C"
FILE = "linux/ptrace/debugreg.c"
KIND = functions
FLAVOUR = "kernel"
GIVEN = ["judge.py", "rules.py", "traffic.c"]
TOGETHER = 10

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "hit": (5, "which register's event is it? d->hits has a bit for each.", """{
    // In #DB: one of the thread's registers was hit. arg of the event: its ptrace_debugregs.
    (void)event;
    (void)regs;
}"""),
    "make": (10, "perf_event_create_kernel_counter(), for the thread's task on any CPU. What may a "
                 "program not watch?", """{
    // The event of a register that is used for the first time: it is off, and it keeps its slot.
    (void)th;
    (void)addr;
    (void)type;
    (void)len;
    (void)perf_type;
    (void)perf_len;
    (void)hit;
    return ERR_PTR(-ENOSPC);
}"""),
    "set": (20, "first what can be refused, then d->addr, then on or off.", """{
    // Register n gets this address, and its condition in dr7. After an error it is as before. For
    // an event that is off both are only checked; it is modified when it is on again.
    (void)th;
    (void)n;
    (void)addr;
    (void)dr7;
    (void)make;
    (void)in_user;
    return -EINVAL;
}"""),
    "set_address": (15, "three cases: no event yet; an event that is on; one that is off.", """{
    // DRn is written.
    (void)th;
    (void)n;
    (void)addr;
    (void)set;
    (void)in_user;
    return -EINVAL;
}"""),
    "put_back": (10, "d->control is what the events had before.", """{
    // A new DR7 was refused: each register with an event is as before.
    (void)th;
    (void)set;
}"""),
    "set_dr7": (20, "set() for each register that DR7 changes: all of them, or none.", """{
    // DR7 is written: the registers follow it, or all are as before.
    (void)th;
    (void)dr7;
    (void)set;
    (void)put_back;
    return -EINVAL;
}"""),
    "ptrace_get_debugreg": (5, "what was written, not what the hardware has.", """{
    // A register as the tracer wrote it.
    (void)tr;
    (void)n;
    return 0;
}"""),
    "ptrace_flush": (5, "what make() has made ends here.", """{
    // The running thread executes a program, or ends: no registers any more, and no DR6.
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "hit-first": (
        "hit", "if (d->event[n] == event)", "if (n == 0)",
        "You always report register 0. Whose event is it?"),
    "make-silent": (
        "make", "        bp_of(event)->traps = true;\n", "        (void)bp_of(event);\n",
        "A hit must be the task's SIGTRAP, too: bp_of(event)->traps (hwbp/bp.h)."),
    "make-kernel": (
        "make", "        .exclude_kernel = 1,\n", "",
        "A program may not watch the kernel: exclude_kernel."),
    "make-flexible": (
        "make", "        .pinned = 1,\n", "",
        "A debugger's register is there whenever the thread runs. A flexible event waits for its "
        "turn."),
    "set-any-type": (
        "set", "!perf_type[type] || (", "(",
        "R/W = 2 watches ports. perf has no such breakpoint, so it is refused."),
    "set-execute-length": (
        "set", " || (type == DR_EXECUTE && len != 1)", "",
        "An execute breakpoint has LEN = 0 (SDM 18.2.4). Other lengths are refused."),
    "set-not-used": (
        "set", "        d->used |= DR7_SLOT_BITS(n);\n", "",
        "d->used names the bits of DR7 that belong to registers with an event. This is one more."),
    "set-off-unchecked": (
        "set", "err = in_user(addr, len) ? 0 : -EINVAL;", "err = 0;",
        "An event that is off is not modified, but checked: a wrong address is refused now."),
    "set-old-length": (
        "set", " ||\n               bp_of(event)->len != len", "",
        "Another length alone is a change, too."),
    "set-no-address": (
        "set", "    d->addr[n] = addr;\n", "",
        "DRn reads as it was written: d->addr."),
    "set-stays-on": (
        "set", "        perf_event_enable(event);\n    else\n        perf_event_disable(event);\n",
        "        perf_event_enable(event);\n",
        "DR7 has switched the register off, and its event is still on."),
    "address-on": (
        "set_address", " & ~DR7_ENABLE_BITS(n)", "",
        "An address alone enables nothing: only DR7 does."),
    "address-later": (
        "set_address", "    if (dr7_decode(d->control, n, &type, &len))\n"
        "        return set(th, n, addr, d->control);\n",
        "    dr7_decode(d->control, n, &type, &len);\n",
        "The register is on: its event must move to the new address at once."),
    "address-unchecked": (
        "set_address", "    if (!in_user(addr, len))\n        return -EINVAL;\n", "",
        "The register is off, and has a length. An address that does not fit is refused now."),
    "back-nothing": (
        "put_back", "        if (set(th, n, d->addr[n], d->control))", "        if (0)",
        "A DR7 that was refused has changed registers: set() them as they were."),
    "back-conditions": (
        "put_back", "        if (!(d->control & DR7_ENABLE_BITS(n)))\n"
        "            d->control &= ~DR7_SLOT_BITS(n);\n", "",
        "After a refused DR7 a register that is off is an execute breakpoint, which takes any "
        "address (as on Linux)."),
    "dr7-half": (
        "set_dr7", "            put_back(th);\n", "",
        "DR7 is refused for one register. Those before it have changed already: put_back()."),
    "dr7-unused": (
        "set_dr7", "(dr7 & ~d->used & DR7_ENABLE_ALL)", "(dr7 & ~d->used & 0xffff00ff)",
        "The condition of a register without an event matters only when it is enabled."),
    "dr7-bits-lost": (
        "set_dr7", "    d->dr7 = dr7;\n", "    d->dr7 = d->control;\n",
        "DR7 reads as it was written, with the bits that nobody uses."),
    "dr7-control": (
        "set_dr7", "d->control = dr7 & d->used;", "d->control = dr7;",
        "d->control has only the bits of registers with an event (d->used)."),
    "get-status": (
        "ptrace_get_debugreg", "return th->debug_status ^ DR6_ACTIVE_LOW;",
        "return th->debug_status;",
        "DR6 has bits that are 1 when nothing has happened: DR6_ACTIVE_LOW."),
    "get-hardware": (
        "ptrace_get_debugreg", "d->addr[n]", "d->event[n] ? bp_of(d->event[n])->addr : 0",
        "The event of a register that is off still has its old address. Read what was written."),
    "flush-slots": (
        "ptrace_flush", "            perf_event_release_kernel(d->event[n]);", "            ;",
        "The events are still there, and so are their slots: perf_event_release_kernel()."),
    "flush-status": (
        "ptrace_flush", "    th->debug_status = 0;\n", "",
        "The new program has an old DR6: th->debug_status."),
}

PUBLIC = {"LENGTH": 1, "DOWN": 0}  # the practice set
VARIANTS = [{"LENGTH": length, "DOWN": down} for length in (2, 4, 8) for down in (0, 1)]


def edits(params):
    """The rules of these parameters: (file, function, old, new)."""
    found = [(FILE, "set_address", "watches a byte", f"watches {params['LENGTH']} bytes"),
             (FILE, "set_address", "dr7_encode(n, DR_WRITE, 1)",
              f"dr7_encode(n, DR_WRITE, {params['LENGTH']})")]
    if params["LENGTH"] == 1:
        found = []
    if params["DOWN"]:
        found.append((FILE, "set_dr7", "for (int n = 0; news; n++)",
                      "for (int n = HBP_NUM - 1; news; n--)"))
    return found


def rule(params):
    order = "DR3 first, DR0 last" if params["DOWN"] else "DR0 first, DR3 last"
    return (f"**Length {params['LENGTH']}; {order}.** If a register has only got an address, "
            f"it watches {params['LENGTH']} byte{'s' * (params['LENGTH'] > 1)} "
            f"for writes. The registers follow a new DR7 in this order: {order}.")


def prove():
    """The oracle, in the practice set, against Linux 6.12 in QEMU: what differs."""
    plan = judge.scenes("Linux", PUBLIC, 60)
    with tempfile.TemporaryDirectory(prefix="dr7-ptrace-") as top:
        judge.make_traffic(lab.ROOT, top + "/traffic")
        judge.write_script(top + "/script", plan)
        got = judge.answers(machine.on_linux(top + "/traffic", ["/script"], [top + "/script"]))
    if len(got) != len(plan):
        return [f"Linux has played {len(got)} of {len(plan)} scenes"]
    wrong = [judge.first_wrong(scene, mine) for scene, mine in zip(plan, got)]
    return ["Linux no longer does what the oracle says: " + w[1] for w in wrong if w]

# The kernels in which a test must see something: for each test a real bug, and one that is close to
# it. OWN stands for the student's number, REFUSED for the refusal with that number.
REFUSED = ["bp_len == 3", "bp_addr % 2", "bp_type == HW_BREAKPOINT_R", "bp_addr >= TASK_SIZE_MAX"]

BUGS = {
    "calls_are_counted": [
        ("hwbp/db.c", "take_hits", "if (slot->type == DR_EXECUTE)",
         "if (slot->type == DR_EXECUTE && i != OWN)"),
        ("hwbp/db.c", "take_hits", "perf_event_count(event, 1,",
         "perf_event_count(event, slot->type == DR_EXECUTE && i == OWN ? 2 : 1,"),
    ],
    "neighbours_stay": [
        ("arch/x86/debugreg.c", "clear_slot", "d->want.control &= ~DR7_SLOT_BITS(n);",
         "d->want.control &= n == OWN ? DR7_FIXED_1 : ~DR7_SLOT_BITS(n);"),
        ("arch/x86/debugreg.c", "dr_install", "    d->want.control |= dr7_encode(n, type, len);",
         "    if (n == OWN)\n        d->want.control = DR7_FIXED_1;\n"
         "    d->want.control |= dr7_encode(n, type, len);"),
    ],
    "refused_leaves_nothing": [
        ("hwbp/pmu.c", "bp_event_init", "        claim_release(claim);",
         "    {\n        static struct bp_claim lost[HBP_NUM];\n        static u32 n;\n"
         "        claim_release(claim);\n"
         "        if (event->attr.REFUSED && n < HBP_NUM) {\n"
         "            lost[n] = (struct bp_claim){.cpu = -1, .pinned = true};\n"
         "            claim_reserve(&lost[n++], false);\n        }\n    }"),
        ("hwbp/slots.c", "slots_reserve", "sum(&load) > SLOTS_PER_CPU",
         "sum(&load) >= SLOTS_PER_CPU"),
    ],
    "refused_changes_nothing": [
        ("linux/perf/file.c", "modify", "    err = hwbp_check(event, &attr);\n",
         "    err = hwbp_check(event, &attr);\n"
         "    if (err && attr.REFUSED)\n        perf_event_disable(event);\n"),
        ("linux/perf/file.c", "modify", "    err = hwbp_check(event, &attr);\n",
         "    err = hwbp_check(event, &attr);\n"
         "    if (err && attr.REFUSED) {\n"
         "        struct perf_event_attr half = event->attr;\n"
         "        half.bp_type = HW_BREAKPOINT_RW;\n"
         "        perf_family_run(event, hwbp_apply, &half);\n    }\n"),
    ],
    "debugger_reads_back": [
        ("linux/ptrace/debugreg.c", "set_dr7", "d->dr7 = dr7;",
         "d->dr7 = dr7 & ~(1ull << 2 * OWN);"),
        ("linux/ptrace/debugreg.c", "put_back", "if (!d->event[n])",
         "if (!d->event[n] || n == OWN % 3)"),
    ],
}


def of_test(name, own):
    """(path, function, old text, new text) of each bug."""
    return [(path, function, old, new.replace("OWN", str(own)).replace("REFUSED", REFUSED[own]))
            for path, function, old, new in BUGS[name]]

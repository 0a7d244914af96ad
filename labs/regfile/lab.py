# The lab "regfile": the debug-register file, edited first and then written.
#
# A student's number decides FIRST: of several registers that are equally good the lowest comes
# first, or the highest; the addresses are written in this order, too. In the kernel FIRST is 0.
from labs import functions

TITLE = "L2 The register file"
HOURS = 6
NEEDS = "first_db"
FILE = "arch/x86/debugreg.c"
KIND = functions
FLAVOUR = "host"
GIVEN = ["judge.py", "model.py", "answer.c"]
MAY_USE = ["hw_write_dr", "hw_read_dr", "this_dr"]  # of what answer.c offers
TOGETHER = 5

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "dr_implies": (15, "docs/debugreg.md, \"What a #DB means\", point 2.", """{
    // Every hit of a is a hit of b, too.
    (void)a;
    (void)b;
    return false;
}"""),
    "encode_all": (10, "docs/debugreg.md has the bits of DR7. dr7_encode() is given.", """{
    // The DR7 of four slots. A slot without an owner has no bits in it.
    (void)slots;
    return DR7_FIXED_1;
}"""),
    "write_addrs": (15, "invariant D1 in debugreg.h.", """{
    // The registers of `moved` get d->live.slot[].addr. DR7 must allow it meanwhile.
    (void)d;
    (void)moved;
    (void)counter;
    (void)write_addr;
}"""),
    "write_out": (20, "bring the live state up to date first; only then write what differs.", """{
    // Makes d->live, and the hardware, equal to d->want.
    (void)d;
    (void)counter;
    (void)order_nested;
    (void)write_addrs;
}"""),
    "choose": (15, "the table \"what changes, writes\" of docs/debugreg.md.", """{
    // The free register that costs the fewest writes, or -1.
    (void)d;
    (void)addr;
    (void)type;
    (void)len;
    (void)holders;
    return -1;
}"""),
    "dr_db_enter": (10, "what must be true of DR6 and DR7 while a #DB is handled? (D3)", """{
    // The first step of every #DB.
    *hits = (struct dr_hits){.slot = this_dr()->live.slot};
    (void)correct_hits;
}"""),
    "dr_db_exit": (10, "what dr_db_enter() has begun ends here, in reverse order.", """{
    // The last step of every #DB.
}"""),
}

# name: (function, old, new, advice). Each old text must be there exactly once.
MISTAKES = {
    "same-address": (
        "dr_implies", "b->addr <= a->addr && a->addr + a->len <= b->addr + b->len",
        "a->addr == b->addr",
        "b may begin below a, and may be longer: compare both ends."),
    "implies-begin-only": (
        "dr_implies", "b->addr <= a->addr && a->addr + a->len <= b->addr + b->len",
        "b->addr <= a->addr && a->addr < b->addr + b->len",
        "All bytes of a must lie in b, also the last one."),
    "implies-reversed": (
        "dr_implies", "b->addr <= a->addr && a->addr + a->len <= b->addr + b->len",
        "a->addr <= b->addr && b->addr + b->len <= a->addr + a->len",
        "You ask whether b lies in a. A hit of the smaller one is a hit of the larger one."),
    "implies-kinds": (
        "dr_implies", "    if (a->type == DR_READ_WRITE && b->type == DR_WRITE)\n"
                      "        return false;\n", "",
        "A hit of a read-write breakpoint may have been a read. Then none for writes was hit."),
    "implies-execute": (
        "dr_implies", "a->type == b->type && ", "",
        "An execute breakpoint and one for data at the same address have nothing in common."),
    "free-slots": (
        "encode_all", "        if (slots[i].owner)\n", "        if (slots[i].len)\n",
        "A slot without an owner is free: what else stands in it means nothing."),
    "no-fixed-bit": (
        "encode_all", "u64 dr7 = DR7_FIXED_1;", "u64 dr7 = 0;",
        "Bit 10 of DR7 is always 1 (DR7_FIXED_1)."),
    "first-register": (
        "encode_all", "dr7_encode(i,", "dr7_encode(0,",
        "Each slot has bits of its own in DR7: dr7_encode() wants the register's number."),
    "enabled-meanwhile": (
        "write_addrs", "        safe &= ~DR7_SLOT_BITS(i);\n", "        (void)i;\n",
        "D1: a register that gets an address must be off meanwhile."),
    "all-off": (
        "write_addrs", "u64 safe = d->live_dr7;", "u64 safe = DR7_FIXED_1;",
        "Only the registers that move must be off. If these are off already, DR7 need not be "
        "written."),
    "all-addresses": (
        "write_addrs", "(i, moved)\n        write_addr", "(i, d->live.used)\n        write_addr",
        "Only the registers of `moved` get an address. Each write costs time."),
    "off-too-late": (
        "write_addrs", "    write_control(d, safe, counter);\n    for_each_in_order (i, moved)\n"
                       "        write_addr(d, i, d->live.slot[i].addr);\n",
        "    for_each_in_order (i, moved)\n        write_addr(d, i, d->live.slot[i].addr);\n"
        "    write_control(d, safe, counter);\n",
        "First switch off, then write the addresses."),
    "all-moved": (
        "write_out", "        if (d->live.slot[i].addr != d->live_addr[i])\n", "",
        "A register that has the address already (d->live_addr) need not get it again."),
    "owner-stays": (
        "write_out", "            d->live.slot[i].owner = NULL;\n", "",
        "A register that lost its owner must lose it in the live state, too."),
    "no-control": (
        "write_out", "    write_control(d, d->live.control, counter);\n", "",
        "DR7 is written last. Without it no new breakpoint is on, and no old one off."),
    "old-used": (
        "write_out", "    d->live.used = d->want.used;\n", "",
        "d->live.used says which registers are live. dr_db_enter() believes it."),
    "old-crowded": (
        "write_out", "    d->live.crowded = d->want.crowded;\n", "",
        "d->live.crowded says which registers share a word. A #DB must add implied hits there."),
    "no-order": (
        "write_out", "    if (unlikely(d->unordered))\n        order_nested(d);\n", "",
        "D4: the narrower one of two nested breakpoints sits in the lower register. order_nested() "
        "does it when d->unordered asks for it."),
    "not-held": (
        "choose", "best = held ? held : off ? off : free", "best = off ? off : free",
        "A free register that holds the address already costs only DR7."),
    "not-off": (
        "choose", "best = held ? held : off ? off : free", "best = held ? held : free",
        "A register that is on must be switched off before it gets an address. Prefer one that is "
        "off."),
    "any-condition": (
        "choose", "if (l->owner && l->type == type && l->len == len)", "if (l->owner)",
        "Of several registers with this address, prefer the one that has type and length, too: "
        "then nothing is written."),
    "live-free": (
        "choose", "~d->want.used & DR6_SLOTS", "~(d->want.used | d->live.used) & DR6_SLOTS",
        "A register is free when nobody wants it. If it is still live, it costs more writes, but "
        "it is free."),
    "db-enabled": (
        "dr_db_enter", "    hw_write_dr(7, DR7_FIXED_1);\n", "",
        "D3: while a #DB is handled no breakpoint may be on."),
    "db-dr6-stays": (
        "dr_db_enter", "    hw_write_dr(6, DR6_ACTIVE_LOW);\n", "",
        "The CPU never clears DR6. The next #DB would show the old causes."),
    "db-not-live": (
        "dr_db_enter", "hits->slots = dr6 & d->live.used;", "hits->slots = dr6 & DR6_SLOTS;",
        "CPUs report matches of registers that are off, too. Only live registers count."),
    "db-no-causes": (
        "dr_db_enter", "hits->dr6 = hits->slots | (dr6 & (DR6_CAUSES & ~DR6_SLOTS));",
        "hits->dr6 = hits->slots;",
        "A single step (BS) and the other causes must reach the caller, too."),
    "db-no-nested": (
        "dr_db_enter", "hw_read_dr(6) | d->nested_dr6", "hw_read_dr(6)",
        "d->nested_dr6 has the causes of a #DB inside the entry. They belong to this one."),
    "db-no-depth": (
        "dr_db_enter", "    d->depth++;\n", "",
        "What a handler edits must wait for the end of the #DB: a #DB is an open bracket."),
    "db-live-dr7": (
        "dr_db_enter", "    d->live_dr7 = DR7_FIXED_1;\n", "",
        "d->live_dr7 is the last value written to DR7. You have written another one."),
    "db-one-cause": (
        "dr_db_enter", "hits->dr6 & ((hits->dr6 - 1) | d->live.crowded)",
        "hits->dr6 & d->live.crowded",
        "When DR6 shows several causes, correct_hits() must look which of them have happened yet."),
    "exit-stays-off": (
        "dr_db_exit", "    else\n        write_control(d, d->live.control, "
                      "&d->stats.db_writes);\n", "",
        "Nothing was edited, so nobody has switched the breakpoints on again."),
    "exit-in-db": (
        "dr_db_exit", "    d->in_db = false;\n", "",
        "The #DB is over: d->in_db must say so, or the next one is taken for a nested one."),
    "exit-no-edits": (
        "dr_db_exit", "        write_out(d, &d->stats.db_writes);\n",
        "        write_control(d, d->live.control, &d->stats.db_writes);\n",
        "What the handlers have edited is to be written here."),
    "exit-depth": (
        "dr_db_exit", "--d->depth == 0", "d->depth - 1 == 0",
        "dr_db_enter() has opened a bracket. It is never closed, so no commit writes any more."),
}

PUBLIC = {"FIRST": 0}  # the practice set
VARIANTS = [{"FIRST": 3}]


def edits(params):
    """The rule of these parameters, as edits of the kernel: (file, function, old, new)."""
    h, c = "arch/x86/debugreg.h", "arch/x86/debugreg.c"
    return [
        (h, None, "struct dr_slot {\n", f"""#define FIRST {params["FIRST"]} // 0 or 3

// Bit numbers of a mask that is not 0, beginning with the one that is nearest to FIRST.
static inline u32 dr_first_of(u32 mask)
{{
    return FIRST ? 31 - __builtin_clz(mask) : __builtin_ctz(mask);
}}

#define for_each_in_order(i, mask) \\
    for (u32 to_do_ = (mask), i; to_do_ && (i = dr_first_of(to_do_), 1); to_do_ &= ~BIT(i))

struct dr_slot {{
"""),
        (c, "write_addrs", "for_each_bit (i, moved)\n        write_addr",
         "for_each_in_order (i, moved)\n        write_addr"),
        (c, "choose", "for_each_bit (i, held &", "for_each_in_order (i, held &"),
        (c, "choose", "__builtin_ctz(best)", "(int)dr_first_of(best)"),
    ]


def rule(params):
    """What the hand-out says of the student's own parameters."""
    which = "highest" if params["FIRST"] else "lowest"
    return (f"**FIRST = {params['FIRST']}.** Of several registers that are equally good `choose` "
            f"takes the {which} one; `write_addrs` writes the addresses beginning with the "
            f"{which} register. `for_each_in_order` and `dr_first_of` in `debugreg.h` know this. "
            "The kernel that everybody can read has FIRST = 0.")

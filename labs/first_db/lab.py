# The lab "first_db": debug registers by hand, in the core. The kernel has no such file.
#
# A student's number decides by which bits a register is enabled: L (1), G (2) or both (3).
from labs import functions

TITLE = "L1 The first #DB"
HOURS = 3
NEEDS = "C"
FILE = "arch/x86/first_db.c"
KIND = functions
FLAVOUR = "core"
GIVEN = ["judge.py"]
TOGETHER = 10

NEW = {FILE: "first_db.c", "arch/x86/first_db.h": "first_db.h",
       "arch/x86/first_db_scenes.c": "first_db_scenes.c"}
EDITS = [
    ("arch/x86/trap.c", None, '#include "arch/x86/extable.h"\n',
     '#include "arch/x86/extable.h"\n#include "arch/x86/first_db.h"\n'),
    ("arch/x86/trap.c", "trap_debug", "    close_user_access();\n",
     "    close_user_access();\n    if (lab_takes_db(f))\n        return;\n"),
    ("kernel/core/main.c", None, '#include "arch/x86/platform.h"\n',
     '#include "arch/x86/first_db.h"\n#include "arch/x86/platform.h"\n'),
    ("kernel/core/main.c", "kernel_main", "    log_init();\n", "    log_init();\n    lab_run();\n"),
]

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "dr7_bits": (25, "compute one value on paper first. Register 1, write, 4 bytes: bits 20 to "
                     "23 are R/W and LEN.", """{
    // SDM volume 3, 18.2.4: the enable bits, R/Wn, LENn.
    (void)n;
    (void)type;
    (void)len;
    return 0;
}"""),
    "arm": (25, "off, address, on: three writes. Look at each in Bochs: the hand-out shows how.",
            """{
    // Three writes: off, address, on. hw_write_dr(n, value) writes DRn.
    (void)n;
    (void)addr;
    (void)type;
    (void)len;
}"""),
    "disarm": (15, "only six bits of DR7 belong to register n.", """{
    (void)n;
}"""),
    "on_db": (25, "which bits of DR6 name the registers that fired, and what clears them?", """{
    // Which registers have fired? Count. Leave DR6 as you want to find it. What is special about
    // execute breakpoints?
    (void)f;
    write_dr7(DR7_FIXED_1); // everything off, or it would never end
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "len-swapped": (
        "dr7_bits", "[4] = 3, [8] = 2", "[4] = 2, [8] = 3",
        "LEN is 3 for 4 bytes and 2 for 8 bytes: the code for 8 bytes came later (SDM 18.2.4)."),
    "len-of-execute": (
        "dr7_bits", "(type == DR_EXECUTE ? 0 : code[len])", "code[len]",
        "An execute breakpoint has LEN 0, whatever length was asked for. With another LEN the "
        "manual promises nothing."),
    "enable-place": (
        "dr7_bits", "<< n * 2 |", "<< n |",
        "L0 G0 L1 G1 ...: the enable bits of register n are the bits 2n and 2n + 1."),
    "condition-place": (
        "dr7_bits", "(16 + n * 4)", "(16 + n * 2)",
        "R/W and LEN together take four bits for each register, from bit 16 on."),
    "leftovers": (
        "arm", "read_dr7() & ~DR7_SLOT_BITS(n)", "read_dr7()",
        "The register may have had another condition before. Clear its six bits before you set "
        "yours."),
    "others-lost": (
        "arm", "write_dr7(others | dr7_bits(n, type, len));",
        "write_dr7(DR7_FIXED_1 | dr7_bits(n, type, len));",
        "Arming one register switches the others off: keep their bits. (The code posted in 2009 "
        "lost the shared bits when one breakpoint was removed.)"),
    "no-address": (
        "arm", "hw_write_dr(n, addr);", "hw_write_dr(0, addr);",
        "The address belongs into register n. Yours goes into another one."),
    "disarm-all": (
        "disarm", "write_dr7(read_dr7() & ~DR7_SLOT_BITS(n));",
        "(void)n;\n    write_dr7(DR7_FIXED_1);",
        "disarm() switches all four off. Only the six bits of register n may go."),
    "disarm-enable-only": (
        "disarm", "~DR7_SLOT_BITS(n)", "~DR7_ENABLE_BITS(n)",
        "The register is off, but its R/W and LEN are still there: clear all of its six bits."),
    "disarm-neighbour": (
        "disarm", "~DR7_SLOT_BITS(n)", "~(DR7_SLOT_BITS(n) >> 1)",
        "You clear the bits beside those of register n. Where do its enable bits begin?"),
    "no-rf": (
        "on_db", """        if ((dr7 >> (16 + n * 4) & 3) == DR_EXECUTE)
            f->rflags |= RFLAGS_RF;
""", "        (void)f;\n",
        "An execute breakpoint is a fault: it comes before the instruction. Without RF in the "
        "saved flags the same instruction faults again, for ever."),
    "dr6-stale": (
        "on_db", "    write_dr6(DR6_ACTIVE_LOW);\n", "",
        "The CPU sets bits of DR6 and clears none of them. What you leave there is still there at "
        "the next exception."),
    "no-steps": (
        "on_db", "    if (dr6 & DR6_BS)\n        steps++;\n", "",
        "A single step is a #DB, too: DR6.BS. Count it in `steps`."),
    "counts-first": (
        "on_db", "hits[n]++;", "hits[0]++;",
        "Count for the register that has fired, not for register 0."),
}

PUBLIC = {"ENABLE": 2}  # the practice set
VARIANTS = [{"ENABLE": 1}, {"ENABLE": 3}]
NAMES = {1: "the L bit (local)", 2: "the G bit (global)", 3: "both the L and the G bit"}


def edits(params):
    return [(FILE, "dr7_bits", "2ull << n * 2 |", f"{params['ENABLE']}ull << n * 2 |")]


def rule(params):
    return (f"**Your registers are enabled by {NAMES[params['ENABLE']]}.** The CPU does not care. "
            "The grader does.")

// The exception table: instructions that may fault in ring 0, and where to go on when they do.
#pragma once

#include "arch/x86/types.h"

struct extable_entry {
    u64 insn, fixup;
};

// For inline assembly: a fault at label `insn` continues at label `fixup`.
#define EXTABLE(insn, fixup)                                                                       \
    ".pushsection .extable, \"a\"\n"                                                               \
    ".quad " #insn ", " #fixup "\n"                                                                \
    ".popsection\n"

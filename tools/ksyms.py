#!/usr/bin/env python3
# Turns `nm -n --print-size` of a linked kernel (stdin) into the C source of its symbol table
# (stdout).
#
# The table has functions and data objects at the kernel's addresses, sorted, with one name for each
# address. A symbol without a size (from assembly) reaches to the next one. Empty input gives an
# empty table, which the first link needs.
import sys

KINDS = "tTdDbBrRwWvV"
KERNEL_BASE = 0xFFFFFFFF80000000  # arch/x86/layout.h
MAX_SIZE = 0xFFFFFFFF


def read_symbols(lines):
    """Returns [(address, size or None, name)], sorted."""
    found = {}
    for line in lines:
        fields = line.split()
        if len(fields) < 3 or fields[-2] not in KINDS:
            continue
        addr, name = int(fields[0], 16), fields[-1]
        size = int(fields[1], 16) if len(fields) == 4 else None
        if addr < KERNEL_BASE:
            continue
        # These have no size: labels of the assembler ("entry.loop") and marks of the linker
        # ("__text_start").
        if size is None and ("." in name or name.startswith("__")):
            continue
        if addr not in found or found[addr][0] is None:
            found[addr] = (size, name)
    return [(addr, *found[addr]) for addr in sorted(found)]


def main():
    symbols = read_symbols(sys.stdin)
    rows, names, offset = [], [], 0
    for i, (addr, size, name) in enumerate(symbols):
        if size is None:
            size = symbols[i + 1][0] - addr if i + 1 < len(symbols) else 1
        rows.append(f"    {{0x{addr:x}, {min(size, MAX_SIZE)}, {offset}}},")
        names.append(f'    "{name}\\0"')
        offset += len(name) + 1
    print('#include "kernel/base/ksym.h"\n')
    print(f"const u32 ksym_count = {len(rows)};\n")
    print("const struct ksym ksym_table[] = {")
    print("\n".join(rows) or "    {0, 0, 0},")
    print("};\n\nconst char ksym_names[] =")
    print(("\n".join(names) or '    ""') + ";")


if __name__ == "__main__":
    main()

# Makes the data that web/ shows beside the registers: file and line of each address of the kernel,
# the sources, and the names of functions and data.
#
#   lines.py KERNEL.ELF KERNEL.SYM OUT.JSON
import json
import re
import subprocess
import sys

ROW = re.compile(r"^\S+ +(\d+|-) +0x([0-9a-f]+)")
UNIT = re.compile(r"DW_AT_name .* (\S+\.c)$")
FILE = re.compile(r"^(?:\./)?(\S+?\.(?:c|h|asm|inc)):(?:\[\+\+\])?$")


def dump(kernel, *options):
    return subprocess.run(["objdump", *options, kernel], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()


def rows(kernel):
    """Sorted triples of address, file and line. The first of an address counts, because the others
    belong to inlined code. Line 0: code without a known line begins."""
    # At the beginning of its code, a C source is named without its folder. The sources come in this
    # order.
    units = (m[1] for m in map(UNIT.search, dump(kernel, "--dwarf=info", "--dwarf-depth=1")) if m)
    found, ends, path = {}, set(), None
    for text in dump(kernel, "--dwarf=decodedline"):
        named, row = FILE.match(text), ROW.match(text)
        if named:
            path = named[1] if "/" in named[1] else next(units)
        elif row and path:
            address = int(row[2], 16)
            if row[1] != "-":
                ends.discard(address)
                found.setdefault(address, (path, int(row[1])))
            else:
                ends.add(address)
    found.update((address, ("", 0)) for address in ends - set(found))
    return sorted((address, *place) for address, place in found.items())


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def values(kernel, wanted):
    """gdb's values of expressions, by name: addresses, and offsets and sizes in bytes. None if the
    kernel does not have them all."""
    ask = [word for what in wanted.values() for word in ("-ex", f"output/d (long)({what})",
                                                         "-ex", "echo \\n")]
    said = subprocess.run(["gdb", "-batch", "-nx", *ask, kernel], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.split()
    return dict(zip(wanted, said)) if len(said) == len(wanted) else None


# The events in the registers of the first CPU, and its ring of the trace.
OWNERS = {"used": "&cpus[0].dr.live.used", "owner": "&cpus[0].dr.live.slot[0].owner",
          "slot": "sizeof(struct dr_slot)",
          **{name: f"&((struct perf_event *)0)->{name}" for name in ("id", "count", "target")},
          **{name: f"&((struct task *)0)->{name}" for name in ("comm", "tid")}}
TRACE = {name: f"&'linux/sched/trace.c'::{name}" for name in ("rings", "nr_records")}


def table(kernel, symbols):
    """For JSON: "files" and their "texts", and three lists of the same length: the difference
    between an address and the one before, the number of its file, and its line."""
    files, at, file, line, before = {}, [], [], [], (0, "", 0)
    for address, path, number in rows(kernel):
        if (path, number) == before[1:]:
            continue
        at.append(address - before[0])
        file.append(files.setdefault(path, len(files)) if number else 0)
        line.append(number)
        before = (address, path, number)
    base = at[0] if at else 0
    texts = [read(path) for path in files]
    return {"files": list(files), "texts": texts, "base": str(base),
            "at": [0, *at[1:]], "file": file, "line": line, "symbols": read(symbols),
            "owners": values(kernel, OWNERS), "trace": values(kernel, TRACE)}


def main():
    kernel, symbols, out = sys.argv[1:]
    with open(out, "w", encoding="utf-8") as f:
        json.dump(table(kernel, symbols), f, separators=(",", ":"))


if __name__ == "__main__":
    main()

# What `make size` prints: lines by folder, of the core and of the whole kernel. It counts all
# lines, and lines of code (neither blank nor comment). A header counts if a source includes it.
import collections
import glob
import os
import re
import signal

FLOOR = ["boot", "arch/x86", "kernel/base", "kernel/mm", "sched", "perf", "hwbp"]
CORE = FLOOR + ["kernel/core"]
CHECKS = ["kernel/checks"]  # only in debug builds
ROOF = ["kernel", "arch/x86/user", "arch/x86/svm", "linux/*", "debug", "debug/*"]
WHOLE = FLOOR + CHECKS + ROOF
INCLUDE = re.compile(r'^\s*[#%]\s*include\s+"([^"]+)"', re.M)


def sources(folders):
    """The sources in these folders, and every header that they include."""
    found = [p for folder in folders for kind in ("c", "asm")
             for p in glob.glob(f"{folder}/*.{kind}")]
    for path in found:  # the loop adds to this list
        with open(path, encoding="utf-8") as f:
            found += [p for p in INCLUDE.findall(f.read()) if p not in found and os.path.exists(p)
                      and not p.startswith("test/")]
    return sorted(found)


def count(path):
    """The numbers of all lines, and of lines with code."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    sign = ";" if path.endswith((".asm", ".inc")) else "//"
    code = [line for line in lines if line.strip() and not line.strip().startswith(sign)]
    return len(lines), len(code)


def code_lines(folders):
    return sum(count(path)[1] for path in sources(folders))


def print_table(title, folders):
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for path in sources(folders):
        row = sums[path.rpartition("/")[0]]
        for i, n in enumerate((1, *count(path))):
            row[i] += n
    total = [sum(row[i] for row in sums.values()) for i in range(3)]
    print(f"{title:<16} files   lines    code")
    for folder, row in [*sums.items(), ("all", total)]:
        print(f"  {folder:<14} {row[0]:5,} {row[1]:7,} {row[2]:7,}")


def main():
    print_table("the core", CORE)
    print()
    print_table("the whole kernel", WHOLE)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the reader may close the pipe
    main()

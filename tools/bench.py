# What `make bench` does: runs test/bench on Linux 6.12 and on dr7 in the same QEMU, and makes one
# table.
#
#   bench.py [--readme]      --readme: also into README.md, between its two marks
#   GROUP=cpus bench.py      only the rows of several CPUs at once, with more boots and more CPUs
#   GROUP=perf bench.py      only the rows of Linux's own perf
import math
import os
import re
import statistics
import subprocess
import sys

import batch
import emu
import perf_tool
import plot
from settings import choice, variable

PROGRAM, FILES = "build/bench/bench", ["build/bench/again"]
KERNEL = "build/kernel.elf"
# One instruction is one tick of the time-stamp counter; idle time is skipped.
EXACT = {"smp": 1, "flags": ["-icount", "shift=0,sleep=off"]}
SECONDS = 120
PICTURE = "build/bench.svg"
MARK = ("<!-- make bench -->\n", "<!-- end -->\n")

# row, what it is, the most that dr7 / Linux shall be
ROWS = [
    ("null-call", "null system call (`getppid`)", 0.5),
    ("switch-0", "context switch by pipe", 0.25),
    ("switch-1", "... with 1 breakpoint in each task", 0.25),
    ("switch-4", "... with 4 in each, all different", 0.25),
    ("hit", "counted hit", 0.5),
    ("hit-signal", "hit that sends a signal, and return from the handler", 0.25),
    ("read", "read a count", 0.25),
    ("disable-enable", "disable + enable", 0.25),
    ("open-close", "open + close", 0.25),
    ("modify", "modify the address", 0.25),
    ("fork-wait-0", "fork + exit + wait", 0.25),
    ("fork-wait-4", "... with 4 inherited breakpoints", 0.25),
    ("thread-join-0", "thread create + join", 0.25),
    ("thread-join-4", "... with 4 inherited breakpoints", 0.25),
    ("thread-among-250", "... among 250 threads that wait", 0.25),
    ("thread-among-4000", "... among 4,000", 0.25),
    ("exec", "exec of a small static program", 0.25),
    ("ptrace-set-clear", "ptrace: set and clear DR0 + DR7", 0.25),
    ("ptrace-stop", "ptrace: stop at a watchpoint and continue", 0.25),
    ("turn", "one turn of 6 flexible breakpoints", None),
]
# row, what it is, the most: addresses that change, plus two
WRITES = [
    ("writes-0-0", "none to none", 0),
    ("writes-4-0", "4 to none", 2),
    ("writes-0-4", "none to 4, the same as before", 2),
    ("writes-4-4-equal", "4 to 4, the same addresses", 0),
    ("writes-4-4-different", "4 to 4, other addresses", 6),
]
# On several CPUs at once, in time: row, what it is.
CPU_ROWS = [
    ("cpus-threads", "4 threads of a process make and join 8 each: a thread"),
    ("cpus-fork", "fork + exit + wait on all CPUs at once: a child"),
    ("cpus-pipe", "a byte to a process on another CPU, and back"),
    ("cpus-open-close", "open + close of a breakpoint in 4 threads at once"),
]
# Of Linux's own perf, in time. -r gives the number of rounds: with 64 threads that run all the
# time, one change takes Linux seconds.
PERF_ROWS = [
    "-r 10 breakpoint thread -b 4 -p 4 -t 16",
    "-r 2 breakpoint enable -p 64 -a 64",
]
PERF_SECONDS = 300
PERF_BOOTS = 3
BESIDE = [1, 16, 256, 1024]
FLAT = 1.2
MEMORY = {"many": 1024}  # megabytes; with less, Linux does not make 4,000 threads
FIRST_PROGRAM_MS = 100
BOOTS = 5  # the quickest one counts, because the host may delay any of them


def measure(system, group, rules="mainline", **options):
    """Returns the rows that one group (None: no group) printed, and the kernel's log. A row that
    could not be measured is missing."""
    words = ["slots=" + rules] if system == "dr7" else []
    print(f"bench: {system}, {group or 'boot'}", file=sys.stderr)
    command = [PROGRAM] + ([group] if group else [])
    done = batch.run(system, [command], SECONDS, files=FILES, words=words, **options)[0]
    text = done.output.decode(errors="replace")
    if done.status != "exited 0":
        print(f"dr7: {system}, {group}: {done.status}: {text.splitlines()[-1:]}", file=sys.stderr)
    rows = {name: int(value) for name, value in re.findall(r"^(\S+) (\d+)$", text, re.M)}
    return rows, done.log.decode(errors="replace")


def number(value):
    return "-" if value is None else f"{value:,}"


def exact_rows():
    """All rows that count instructions, and the memory in use. Returns two dictionaries of rows."""
    rows = {"linux": {}, "dr7": {}}
    for system, found in rows.items():
        for group in ("calls", "switches", "tasks", "many", "ptrace"):
            found.update(measure(system, group, mem=MEMORY.get(group, batch.MEM), **EXACT)[0])
        found["memory"] = batch.MEM * 1024 - found["free-memory"] // 1024
    rows["dr7"].update(measure("dr7", "turns", "exact", **EXACT)[0])
    return rows["linux"], rows["dr7"]


def speed_table(linux, dr7):
    lines = ["| instructions | dr7 | Linux 6.12 | ratio | at most |",
             "| --- | --: | --: | --: | --: |"]
    missed = []
    for row, what, most in ROWS:
        ours, theirs = dr7.get(row), linux.get(row)
        ratio = ours / theirs if ours and theirs else None
        if most and (ratio is None or ratio > most):
            missed.append(row)
        lines.append(f"| {what} | {number(ours)} | {number(theirs)} | "
                     f"{'-' if ratio is None else f'{ratio:.2f}'} | {most or '-'} |")
    return lines, missed


def writes_table(dr7):
    lines = ["| debug-register writes of a switch | dr7 | at most |", "| --- | --: | --: |"]
    for row, what, most in WRITES:
        lines.append(f"| {what} | {number(dr7.get(row))} | {most} |")
    return lines, [row for row, _, most in WRITES if dr7.get(row, most + 1) > most]


def image_bytes():
    """The size of the kernel as GRUB loads it, without symbols for debuggers."""
    stripped = KERNEL + ".stripped"
    subprocess.run(["strip", "-s", "-o", stripped, KERNEL], check=True)
    return os.path.getsize(stripped)


def timed_rows():
    """Rows in time: open + close beside many tasks, and the shortest time to the first program."""
    rows = {}
    for system in ("linux", "dr7"):
        boots = [measure(system, "beside", smp=4)[0] for _ in range(BOOTS)]
        rows[system] = [min((found[row] for found in boots if row in found), default=None)
                        for row in (f"beside-{n}" for n in BESIDE)]
    logs = [measure("dr7", None)[1] for _ in range(BOOTS)]
    first = min(float(re.search(r"([\d.]+) ms  the first program", log)[1]) for log in logs)
    return rows["linux"], rows["dr7"], first


def cpu_table(counts, boots):
    """Boots both systems in turns, so that other load on the host disturbs both. Returns the median
    of each row."""
    lines = ["| several CPUs at once, ns | CPUs | dr7 | Linux 6.12 | ratio |",
             "| --- | --: | --: | --: | --: |"]
    for smp in counts:
        found = {"dr7": [], "linux": []}
        for _ in range(boots):
            for system, rows in found.items():
                rows.append(measure(system, "cpus", smp=smp)[0])
        for row, what in CPU_ROWS:
            ours, theirs = (statistics.median(rows[row] for rows in found[system] if row in rows)
                            for system in ("dr7", "linux"))
            lines.append(f"| {what} | {smp} | {ours:,.0f} | {theirs:,.0f} | "
                         f"{ours / theirs:.2f} |")
    return lines


def perf_table():
    """The same for perf's own breakpoint benchmarks."""
    lines = ["| perf bench, 2 CPUs, µs | dr7 | Linux 6.12 | ratio |", "| --- | --: | --: | --: |"]
    commands = [[perf_tool.built(), "bench"] + row.split() for row in PERF_ROWS]
    found = {(system, row): [] for system in ("dr7", "linux") for row in PERF_ROWS}
    for _ in range(PERF_BOOTS):
        for system, words in ("dr7", ["slots=mainline"]), ("linux", []):
            print(f"bench: {system}, perf bench", file=sys.stderr)
            for row, done in zip(PERF_ROWS, batch.run(system, commands, PERF_SECONDS, words=words)):
                took = re.search(rb"([\d.]+) usecs/op$", done.output, re.M)
                found[system, row] += [float(took[1])] if took else []
                if not took:
                    print(f"dr7: {system}, perf bench {row}: {done.status}", file=sys.stderr)
    for row in PERF_ROWS:
        ours, theirs = (statistics.median(found[system, row] or [math.nan])
                        for system in ("dr7", "linux"))
        lines.append(f"| `{row}` | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.2f} |")
    return lines


GROUPS = {"cpus": lambda: cpu_table([2, 4, 8], BOOTS), "perf": perf_table}


def main():
    group = choice("GROUP", ["all", *GROUPS])
    if group in GROUPS:
        print("\n".join(GROUPS[group]()))
        return
    linux, dr7 = exact_rows()
    lines, missed = speed_table(linux, dr7)
    more, missed_writes = writes_table(dr7)
    lines += [""] + more
    missed += missed_writes
    theirs, ours, first = timed_rows()
    lines += ["", "| open + close beside n tasks with 4 each, 4 CPUs, ns | "
              + " | ".join(map(str, BESIDE)) + " |", "| --- |" + " --: |" * len(BESIDE),
              "| dr7 | " + " | ".join(map(number, ours)) + " |",
              "| Linux 6.12 | " + " | ".join(map(number, theirs)) + " |",
              "", *cpu_table([2, 4], 1), "", *perf_table(),
              "", "| | dr7 | Linux 6.12 | at most |", "| --- | --: | --: | --: |",
              f"| kernel's entry to the first program, 2 CPUs, ms | {first:.1f} | - | "
              f"{FIRST_PROGRAM_MS} |",
              f"| kernel image, KiB | {number(image_bytes() // 1024)} | "
              f"{number(os.path.getsize(batch.linux.fetch()) // 1024)} (compressed) | - |",
              f"| memory in use after boot, KiB | {number(dr7['memory'])} | "
              f"{number(linux['memory'])} | - |"]
    if None in ours or max(ours) > FLAT * min(ours):
        missed.append("open + close is not flat")
    if first > FIRST_PROGRAM_MS:
        missed.append("first program")
    text = "\n".join(lines) + "\n"
    print(text)
    print("missed: " + (", ".join(missed) or "nothing"))
    if variable("PLOT") == "1":
        with open(PICTURE, "w", encoding="utf-8") as f:
            f.write(plot.draw(plot.rows_of(text)))
        print(PICTURE, file=sys.stderr)
    if "--readme" in sys.argv:
        with open("README.md", encoding="utf-8") as f:
            before, rest = f.read().split(MARK[0])
        with open("README.md", "w", encoding="utf-8") as f:
            f.write(before + MARK[0] + text + MARK[1] + rest.split(MARK[1])[1])


if __name__ == "__main__":
    emu.tidy(main)

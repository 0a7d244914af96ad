# Runs programs on Linux 6.12 and on dr7, in the same emulator with the same processor. Compares
# their output and how they end. docs/compare.md has the list and how to read the report.
#
#   compare.py KERNEL PROGRAM...     the programs of test/compare; the kernel's selftests are added
#
# Variables: SEEDS=20 (or FIRST-LAST) and OPS=500 for the generators; T=name for one program; SMP=;
# HOST=1 to run also on this machine's own Linux, which has real debug registers.
import collections
import difflib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

import batch
import emu
import host
import linux
import selftests
import settings

DIFFERENCES = "test/compare/differences"
FOLDER = "build/compare"
WORDS = {"linux": [], "dr7": ["slots=mainline"]}
# dr7 has four levels of page tables: with five, Linux lets a program watch more addresses.
FLAGS = ["-cpu", "max,la57=off"]
LIMIT = 120           # seconds for one program: this computer may have other work
IN_ONE_BOOT = 40      # programs
DIFF_SHOWN = 40       # lines of one program's difference
# Linux patches its code while it runs, and puts an INT3 there for a moment. In QEMU 7.2 a second
# CPU may execute this INT3 too late. About one boot in 25 crashes so.
LINUX_CRASH = b"Oops: int3"
LINUX_BOOTS = 5       # at most, with the same programs


@dataclass
class Known:
    """A known difference: its programs, the lines of Linux and of dr7, and the reason."""
    program: str
    linux: str = ""
    dr7: str = ""
    reason: str = ""
    times: int = 0


@dataclass
class Outcome:
    name: str
    runs: int = 0
    lines: int = 0
    status: str = ""
    known: int = 0
    unknown: list = field(default_factory=list)  # lines to show
    hardware: collections.Counter = field(default_factory=collections.Counter)  # agrees with whom


def read_known():
    """Reads the paragraphs of DIFFERENCES: name, "- pattern" and "+ pattern" lines, reason."""
    with open(DIFFERENCES, encoding="utf-8") as f:
        text = re.sub(r"^#.*\n", "", f.read(), flags=re.M)
    found = []
    for paragraph in filter(None, (p.strip("\n") for p in text.split("\n\n"))):
        head, *rest = paragraph.split("\n")
        known = Known(head)
        known.linux = "\n".join(line[2:] for line in rest if line.startswith("- "))
        known.dr7 = "\n".join(line[2:] for line in rest if line.startswith("+ "))
        known.reason = " ".join(line.strip() for line in rest if line[:2] not in ("- ", "+ "))
        if not known.reason:
            sys.exit(f"dr7: {DIFFERENCES}: {head} has no reason")
        found.append(known)
    return found


def lines_of(done):
    """The lines that a program printed, and its status as the last line."""
    text = done.output.decode(errors="backslashreplace")
    return text.split("\n") + [f"status: {done.status}"]


def is_known(known, program, ours, theirs):
    """True if these lines are a known difference. dr7's pattern may refer to groups of Linux's
    pattern."""
    text = "\n".join(theirs) + "\n=>\n" + "\n".join(ours)
    for k in known:
        if k.program == program and re.fullmatch(f"{k.linux}\n=>\n{k.dr7}", text):
            k.times += 1
            return True
    # Neighbouring lines, each of which is known.
    return len(ours) == len(theirs) > 1 and all(
        is_known(known, program, [o], [t]) for o, t in zip(ours, theirs))


def compare(known, program, theirs, ours):
    """(number of known differences, the unknown ones as lines of a diff)."""
    matched, shown = 0, []
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    for op, a, b, c, d in matcher.get_opcodes():
        if op == "equal":
            continue
        if is_known(known, program, ours[c:d], theirs[a:b]):
            matched += 1
        else:
            shown += [f"  line {a + 1}", *("    " + line for line in theirs[max(0, a - 3):a])]
            shown += ["  - " + line for line in theirs[a:b]]
            shown += ["  + " + line for line in ours[c:d]]
    return matched, shown


def seeds():
    text = settings.variable("SEEDS", "20")
    named = re.fullmatch(r"(?:(\d+)-)?(\d+)", text)
    if not named or int(named[2]) < int(named[1] or 1):
        sys.exit(f"dr7: SEEDS={text}: it is a number, or FIRST-LAST")
    return range(int(named[1] or 1), int(named[2]) + 1)


def commands(programs, only, of_each, operations):
    """The list: a generator, gen_*, once for each seed."""
    listed = []
    for path in programs + (selftests.build() if not only or only in NAMES else []):
        name = os.path.basename(path)
        if only and name != only:
            continue
        if name.startswith("gen_"):
            listed += [[path, str(s), str(operations)] for s in of_each]
        else:
            listed.append([path])
    return listed


NAMES = [os.path.basename(t) for t in selftests.TESTS]


def save(system, command, lines):
    path = f"{FOLDER}/out/{'-'.join([os.path.basename(command[0])] + command[1:])}.{system}"
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def run_some(system, some, kernel, limit=LIMIT, files=()):
    """Returns the results, and how often Linux crashed. After a crash Linux boots again for the
    rest."""
    done, crashes = [], 0
    while True:
        done += batch.run(system, some[len(done):], limit, kernel=kernel, files=files,
                          words=WORDS[system], smp=settings.cpus(), flags=FLAGS)
        lost = [n for n, d in enumerate(done) if d.status == "lost"]
        if not lost:
            return done, crashes
        crashed = system == "linux" and LINUX_CRASH in done[-1].log
        if not crashed or crashes + 1 == LINUX_BOOTS:
            sys.stderr.write(done[-1].log.decode(errors="replace")[-4000:])
            return done, crashes
        crashes += 1
        del done[lost[0]:]


def run_all(kernel, listed):
    """Returns the lines of Linux and of dr7 for each command."""
    pairs, spent, crashes = [], {"linux": 0.0, "dr7": 0.0}, 0
    for at in range(0, len(listed), IN_ONE_BOOT):
        some, results = listed[at:at + IN_ONE_BOOT], {}
        for system in WORDS:
            started = time.monotonic()
            done, more = run_some(system, some, kernel)
            spent[system] += time.monotonic() - started
            crashes += more
            results[system] = [lines_of(d) for d in done]
            for command, lines in zip(some, results[system]):
                save(system, command, lines)
        pairs += list(zip(results["linux"], results["dr7"]))
    return pairs, spent, crashes


def on_hardware(listed):
    """Returns this machine's lines for each command, None where the command is not run here."""
    refusal = host.refusal() if settings.variable("HOST") == "1" else "not asked"
    if refusal == "not asked":
        return [None] * len(listed)
    if refusal:
        print(f"compare: without hardware: {refusal}")
        return [None] * len(listed)
    found = [lines_of(done) for done in host.run(listed, LIMIT)]
    for command, lines in zip(listed, found):
        save("hardware", command, lines)
    return found


def agrees_with(lines, theirs, ours):
    """The system whose lines are the same as the hardware's."""
    if lines == theirs:
        return "both" if lines == ours else "Linux"
    return "dr7" if lines == ours else "neither"


def heading(hardware):
    column = f"{'as hardware':24} " if hardware else ""
    print(f"{'program':20} {'runs':>5} {'lines':>8}  {'on Linux':12} {column}differences")


def show(o, hardware):
    words = [f"{o.known} known"] * (o.known > 0)
    words += [f"{len(o.unknown)} runs DIFFER"] * (len(o.unknown) > 0)
    agree = ", ".join(f"{who} {n}" for who, n in sorted(o.hardware.items()))
    column = f"{agree:24} " if hardware else ""
    print(f"{o.name:20} {o.runs:5} {o.lines:8}  {o.status:12} {column}{', '.join(words) or 'none'}")


def report(listed, pairs, known, hardware):
    outcomes = {}
    for command, (theirs, ours), third in zip(listed, pairs, hardware):
        name = os.path.basename(command[0])
        o = outcomes.setdefault(name, Outcome(name))
        matched, shown = compare(known, name, theirs, ours)
        o.runs, o.lines, o.known = o.runs + 1, o.lines + len(theirs) - 1, o.known + matched
        o.status = theirs[-1][len("status: "):] if o.status in ("", theirs[-1][8:]) else "various"
        if third:
            o.hardware[agrees_with(third, theirs, ours)] += 1
        if shown:
            o.unknown.append((" ".join([name] + command[1:]), shown))
    heading(any(hardware))
    for o in outcomes.values():
        show(o, any(hardware))
    for k in known:
        if k.times:
            print(f"\nknown: {k.program}, {k.times} times: {k.reason}")
    for o in outcomes.values():
        for what, shown in o.unknown[:5]:
            print(f"\nDIFFERENT: {what}  (- Linux, + dr7)")
            print("\n".join(shown[:DIFF_SHOWN]))
    return sum(len(o.unknown) for o in outcomes.values())


def main():
    wanted = settings.one_word("T"), seeds(), settings.number("OPS", 500, 1)
    try:
        linux.fetch()
        listed = commands(sys.argv[2:], *wanted)
    except (SystemExit, OSError, subprocess.CalledProcessError) as problem:
        print(f"compare: skipped, Debian's kernel cannot be had: {problem}")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0 if os.environ.get("CI") else 1)
    if not listed:
        sys.exit(f"dr7: nothing to compare is named {os.environ.get('T')}")
    os.makedirs(FOLDER + "/out", exist_ok=True)
    hardware = on_hardware(listed)
    pairs, spent, crashes = run_all(sys.argv[1], listed)
    bad = report(listed, pairs, read_known(), hardware)
    if crashes:
        print(f"\nLinux crashed and was booted again: {crashes} times (docs/compare.md)")
    print(f"\nLinux {spent['linux']:.0f} s, dr7 {spent['dr7']:.0f} s")
    print(f"{len(pairs) - bad} passed, {bad} failed, 0 skipped")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    emu.tidy(main)

# Runs tests of the Linux Test Project (LTP) on Linux and on dr7 in the same emulator, and compares
# each verdict. Only tests of features that dr7 has are run. LTP=folder names a built LTP with
# static programs. docs/compare.md says how to build one, and how to read the output.
#
#   ltp.py KERNEL            T=name: one test, with its output on both
import collections
import glob
import os
import re
import sys

import compare
import emu
import linux
import settings

LIST = "runtest/syscalls"  # of LTP: a line for each test, its name and the command
# The tests of that list that are run: ptrace, perf events, signals, wait, fork, exec, memory,
# futexes, time, poll, scheduling, and identity.
SUBJECTS = re.compile(
    "ptrace|perf_event|process_vm|t?g?kill|pause|abort|alarm|(rt_)?(tg)?sig|wait|v?fork|clone|exec|"
    "exit|m(un)?map|mprotect|mremap|madvise|msync|s?brk|futex|[gs]et_robust|time|clock_|"
    "[gs]ettimeofday|[gs]etitimer|nanosleep|p?poll|p?select|sched_|getrusage|get[pt]?p?id|"
    "[gs]etsid|[gs]etpgid|(arch_)?prctl")
DIFFERENCES = "test/compare/ltp-differences"
# LTP's library adds these bits up to a status. The first one that is set is the verdict.
VERDICTS = [(2, "broken"), (1, "fail"), (4, "warning"), (32, "refused")]
SHELL = "/bin/busybox"
PATIENCE = 4  # times LTP's own limit, which is 30 seconds
LIMIT = 150   # seconds for one test
ENVIRONMENT = [f"LTP_TIMEOUT_MUL={PATIENCE}", "LTP_COLORIZE_OUTPUT=n"]
HELPER = re.compile(r"_(child|helper)$")  # what tests execute
OUT = compare.FOLDER + "/ltp"


def tests(folder):
    """name -> words of its command, in the order of the list."""
    with open(f"{folder}/{LIST}", encoding="utf-8") as f:
        lines = [line.split() for line in f if not line.startswith("#")]
    return {name: words for name, *words in filter(None, lines) if SUBJECTS.match(name)}


def programs(folder, wanted):
    """Finds programs of these names, and helpers, anywhere below `folder`: name -> path."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if (name in wanted or HELPER.search(name)) and os.access(path, os.X_OK):
                found[name] = settings.program("LTP", path)
    return found


def read_known():
    """DIFFERENCES: name -> (dr7's verdict, reason)."""
    with open(DIFFERENCES, encoding="utf-8") as f:
        text = re.sub(r"^#.*\n", "", f.read(), flags=re.M)
    known = {}
    for paragraph in filter(None, (p.strip("\n") for p in text.split("\n\n"))):
        lines = paragraph.split("\n")
        verdict, names = " ".join(line for line in lines if line[0] != " ").split(": ")
        reason = " ".join(line.strip() for line in lines if line[0] == " ")
        if not reason:
            sys.exit(f"dr7: {DIFFERENCES}: {names} has no reason")
        known.update({name: (verdict, reason) for name in names.split()})
    return known


def verdict_of(lines):
    """The verdict of a run. Its last line is its status."""
    how, number = lines[-1][len("status: "):].split()
    if how != "exited":
        return f"{how} {number}"
    return next((word for bit, word in VERDICTS if int(number) & bit), "pass")


def report(names, pairs):
    """Prints the table and the reasons. Returns the names whose difference is not known."""
    known, unknown, reasons = read_known(), [], collections.defaultdict(list)
    agreed = collections.Counter()
    print(f"{'test':30} {'Linux':12} dr7")
    for name, (theirs, ours) in zip(names, (map(verdict_of, pair) for pair in pairs)):
        print(f"{name:30} {theirs:12} {ours}")
        if ours == theirs:
            agreed[ours] += 1
        elif ours == "pass":  # some tests have too little time for Linux in an emulator
            agreed["pass only on dr7"] += 1
        elif known.get(name, "")[:1] == (ours,):
            reasons[known[name][1]].append(name)
        else:
            unknown.append(name)
    for reason, those in reasons.items():
        print(f"\nknown: {', '.join(those)}: {reason}")
    print("\nagreed: " + ", ".join(f"{n} {word}" for word, n in agreed.most_common()))
    return unknown


def run_all(kernel, listed, found):
    """Returns the lines of Linux and of dr7 for each name. `found`: the programs."""
    config, = glob.glob(linux.FOLDER + "/root/boot/config-*")
    start = [SHELL, "env", "KCONFIG_PATH=/" + os.path.basename(config)] + ENVIRONMENT
    helpers = {path for name, path in found.items() if HELPER.search(name)}
    names, pairs = list(listed), []
    for at in range(0, len(names), compare.IN_ONE_BOOT):
        some, results = names[at:at + compare.IN_ONE_BOOT], []
        files = {config} | helpers | {found[listed[name][0]] for name in some}
        for system in compare.WORDS:
            done, _ = compare.run_some(system, [start + listed[name] for name in some], kernel,
                                       LIMIT, files)
            results.append([compare.lines_of(d) for d in done])
            for name, lines in zip(some, results[-1]):
                with open(f"{OUT}/{name}.{system}", "w", encoding="utf-8") as f:
                    f.write("\n".join(lines) + "\n")
        pairs += zip(*results)
    return pairs


def main():
    folder, only = settings.variable("LTP"), settings.one_word("T")
    listed = {name: words for name, words in tests(folder).items() if only in ("", name)}
    found = programs(folder, {words[0] for words in listed.values()})
    missing = [name for name, words in listed.items() if words[0] not in found]
    if missing:
        print(f"not built, left out: {', '.join(missing)}")
    listed = {name: words for name, words in listed.items() if name not in missing}
    if not listed:
        sys.exit(f"dr7: LTP={folder} T={only}: there is no such program")
    linux.fetch()
    os.makedirs(OUT, exist_ok=True)
    pairs = run_all(sys.argv[1], listed, found)
    unknown = report(list(listed), pairs)
    if only:
        for lines in pairs[0]:
            print("\n" + "\n".join(lines))
    print(f"{len(pairs) - len(unknown)} passed, {len(unknown)} failed, 0 skipped")
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    emu.tidy(main)

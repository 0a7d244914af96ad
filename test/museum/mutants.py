# `make mutants`: plants random faults of one operator (faults.py) and runs tests until one notices.
# Prints which faults live. N= is their number (40), SEED= repeats a run, SECS= ends it in time.
import os
import random
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]
sys.path[:0] = [sys.path[0] + "/tools", sys.path[0] + "/test"]
import emu  # noqa: E402
import settings  # noqa: E402
from museum import equivalents, faults, scratch, trial  # noqa: E402

FOLDER = "mutants"
SECONDS = {"host": 120, "first": 40, "quick": 60, "all": 400}  # for a program or a boot
QUICK = 8  # no quick test of the kernel needs more

# The tests that tell most about a file: programs of the host, tests of the kernel, tests of
# programs. They run first. Then come all tests but the slow ones, then all.
TELLING = {
    "arch/x86/debugreg.c": (["t_debugreg"], ["bp-all-four", "db-semantics", "switch-writes",
                                             "park-moves"],
                            ["bp-exec-rf", "bp-step-and-hit", "bp-overlap"]),
    "hwbp/slots.c": (["t_slots"], ["rules-table", "rules-scenarios", "admission-scenarios"], None),
    "hwbp/words.c": (["t_slots"], ["rules-scenarios"], None),
    "hwbp/validate.c": (["t_validate"], ["bp-errors", "bp-protected"], None),
    "hwbp": ([], ["bp-all-four", "bp-errors", "wide-atomic", "hotplug-wide"],
             ["proc-hwbp-refusals", "proc-hwbp-events", "modify-full", "inherit-exact",
              "trace-commits"]),
    "perf": ([], ["turns-long-one", "turns-full-round", "turns-tie", "turns-window", "turns-last",
                  "turns-end", "turns-join", "turns-rank", "turns-between", "turns-need",
                  "turns-need-away", "turns-need-closed", "turns-free", "turns-orphan",
                  "turns-exclusive", "turns-alone", "park-exclusive", "perf-two-openers",
                  "perf-other-cpu", "perf-times", "perf-times-waiting", "perf-clock", "perf-hit",
                  "perf-retired", "perf-all-at-once", "perf-all-one-away", "perf-moves-meanwhile",
                  "perf-start-once", "perf-task-ends", "perf-turn-at-switch", "perf-memory",
                  "perf-requests", "flex-fills-registers", "flex-round", "group-all-or-none",
                  "group-leader-leaves", "group-sibling-leaves", "exclusive", "park-change",
                  "park-moves", "bp-enable-disable-reset", "hotplug-wide"],
             ["bp-times", "inherit-exact", "group-read", "group-error-state"]),
    "sched": ([], ["sched", "hotplug-tasks"], ["cond-timeout", "affinity", "clock-cpus"]),
    "linux/ptrace": ([], None, ["ptrace.dr-order", "ptrace.dr-off", "ptrace.dr-errors",
                                "ptrace.dr-refused", "ptrace.dr6", "ptrace.watch",
                                "ptrace.dr-byte"]),
    "debug/ksym": ([], ["ksym"], ["ksym-files", "ksym-errors"]),
}
LAST_LONG = {"kernel": ["switch-storm-kernel", "flex-mix-storm", "hotplug-storm", "flex-turn-cost"],
             "user": ["oom-largest", "oom", "switch-storm", "bp-many", "comes-back", "guest",
                      "inherit-while-turning", "perf-clock-period", "ptrace.storm",
                      "ptrace.continue-race", "limits", "together", "restart-stop"]}


def telling(path):
    return TELLING.get(path) or TELLING[os.path.dirname(path)]


def quick(layer):
    return [f"-{name}" for name in LAST_LONG[layer]]


def stages(path):
    """(label, what runs it) until one notices something."""
    host, kernel, user = telling(path)
    for name in host:
        yield name, lambda copy, _, name=name: trial.run_host(copy.host_test(name), SECONDS["host"])
    yield "first tests", lambda _, image: trial.run_kernel(image, kernel, user, SECONDS["first"],
                                                             limit=QUICK)
    yield "quick tests", lambda _, image: trial.run_kernel(
        image, ["all", *quick("kernel")], quick("user"), SECONDS["quick"], limit=QUICK)
    for rules, smp in (("exact", 2), ("2009", 1)):
        yield (f"all tests, {rules}, {smp} CPUs",
               lambda _, image, r=rules, n=smp: trial.run_kernel(image, [], [], SECONDS["all"], n,
                                                                 r))


def noticed(fault, copy):
    """(by what, what it said); ("", "") of a fault that lives."""
    image = copy.kernel()
    for label, run in stages(fault.path):
        said = run(copy, image)
        if said:
            return label, said
    return "", ""


def difference(fault, text):
    """Its line and what it becomes, as diff(1) shows it."""
    first = text.rfind("\n", 0, fault.start) + 1
    last = text.find("\n", fault.end)
    number = text.count("\n", 0, first) + 1
    new = text[first:fault.start] + fault.new + text[fault.end:last]
    lines = [f"--- {fault.path}:{number} {fault.function}()"]
    lines += ["-" + line for line in text[first:last].split("\n")]
    return "\n".join(lines + ["+" + line for line in new.split("\n")])


def candidates(seed, flags):
    """Faults in a random order, with the texts that they are planted in. Those that do not compile
    and those that compile to the same code are left out."""
    texts, found = faults.all_faults()
    random.Random(seed).shuffle(found)
    plain = {}
    for fault in found:
        text = texts[fault.path]
        if fault.path not in plain:
            plain[fault.path] = faults.compiled(text, flags)
        code = faults.compiled(fault.planted(text), flags)
        if code is not None and code != plain[fault.path]:
            yield fault, text


def try_one(fault, text, copy):
    """"killed", "lives", or "equivalent"."""
    shown = difference(fault, text)
    reason = equivalents.reason(fault, text)
    if reason:
        print(f"equivalent  {fault.path} {fault.function}: {reason}", flush=True)
        return "equivalent"
    started = time.monotonic()
    copy.replace(fault.path, fault.planted(text))
    try:
        label, said = noticed(fault, copy)
    except scratch.Broken as problem:
        label, said = "the build", str(problem).split("\n")[-1]
    finally:
        copy.restore()
    took = f"({time.monotonic() - started:.0f} s)"
    if said:
        print(f"killed      {fault.path} {fault.function} ({fault.kind}): {label}: {said[:60]} "
              f"{took}", flush=True)
        return "killed"
    print(f"LIVES {took}\n{shown}", flush=True)
    return "lives"


def play(number, seed, until):
    flags = scratch.make(scratch.ROOT, "DEBUG=1", "lab-flags").split()
    counts = {"killed": 0, "lives": 0, "equivalent": 0}
    with scratch.Scratch(FOLDER) as copy:
        for fault, text in candidates(seed, flags):
            if sum(counts.values()) >= number or until and time.monotonic() > until:
                break
            counts[try_one(fault, text, copy)] += 1
    return counts


def main():
    number = settings.number("N", 40, 1)
    seed = settings.number("SEED", random.SystemRandom().randrange(1 << 31), 0, (1 << 31) - 1)
    seconds = settings.number("SECS", 0)
    print(f"SEED={seed}", flush=True)
    try:
        counts = play(number, seed, seconds and time.monotonic() + seconds)
    except scratch.Broken as problem:
        sys.exit(f"dr7: the kernel itself: {problem}")
    real = counts["killed"] + counts["lives"]
    print(f"{counts['killed']} of {real} faults noticed, {counts['lives']} live, "
          f"{counts['equivalent']} are equivalent; again: make mutants N={number} SEED={seed}")
    sys.exit(1 if counts["lives"] else 0)


if __name__ == "__main__":
    emu.tidy(main)

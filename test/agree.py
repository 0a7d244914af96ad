# Compares the kernel's counts with the exceptions that QEMU saw (tools/witness.py). A kernel that
# counts wrongly may pass its own tests, but fails here.
import collections
import re

import emu

LIMIT = 200  # seconds for each machine
VARIABLES, REGISTERS = 12, 4  # of the test flex-12
ROUNDS = 40  # rounds of its loop in a turn. A turn may begin and end anywhere in a round

# Tests of the kernel, and the number of debug exceptions that each must cause (wide-all-cpus: on
# each CPU).
EXCEPTIONS = {
    "bp-write": 400, "bp-read-write": 100, "bp-edges": 3, "bp-execute": 100, "bp-all-four": 64,
    "bp-same-address": 16, "bp-enable-disable-reset": 2, "bp-modify-in-place": 3,
    "bp-callback": 2, "bp-exclude": 1, "bp-task-exit": 37, "bp-task-on-one-cpu": 1,
    "bp-one-cpu": 2, "wide-all-cpus": 1}
STORM = re.compile(r"# (\d+) tasks on .* (\d+) hits$", re.M)
EACH = re.compile(r"# hits of each task: ([\d ]+)$", re.M)


def run(build, words, **options):
    """Returns (the machine's output, QEMU's #DBs)."""
    output = bytearray()
    with emu.Machine(build + "/kernel.elf", "build/rootfs.cpio", words, witness=True,
                     **options) as m:
        m.start()
        if not m.pump(output.extend, LIMIT):
            output += b"stopped: the time was up"
        return output.decode(errors="replace").replace("\r", ""), m.exceptions()


def check_bp(build):
    """The kernel's tests of one breakpoint: each access causes one #DB, and nothing else does."""
    wrong, logs = [], []
    for smp in (1, 2):
        said, seen = run(build, ["init=/bin/true", "test=" + ",".join(EXCEPTIONS)], smp=smp)
        wanted = sum(EXCEPTIONS.values()) + (smp - 1) * EXCEPTIONS["wide-all-cpus"]
        logs += said.split("\n")
        if len(seen) != wanted or "not ok" in said:
            wrong.append(f"with {smp} CPUs QEMU saw {len(seen)} debug exceptions, not {wanted}")
    return "; ".join(wrong), logs


def check_storm(build):
    """Tasks at one address: each address space has as many exceptions as its task counted."""
    said, seen = run(build, ["init=/bin/utest", "--", "switch-storm", "div=8"])
    each, storm = EACH.search(said), STORM.search(said)
    if not each or not storm:
        return "the test did not end well", said.split("\n")
    counted = sorted(int(n) for n in each[1].split() if int(n))
    spaces = sorted(collections.Counter(trap.cr3 for trap in seen).values())
    wrong = []
    if counted != spaces:
        wrong.append(f"the tasks counted {counted}, QEMU saw for each CR3 {spaces}")
    if len(counted) != int(storm[1]) - 1 or len(seen) != int(storm[2]):
        wrong.append(f"{len(seen)} exceptions in {len(spaces)} address spaces; {storm[0]}")
    if any(trap.cpl != 3 for trap in seen):
        wrong.append("there was one in ring 0")
    return "; ".join(wrong), said.split("\n")


def check_flex(build):
    """Twelve flexible breakpoints take turns: no register is idle, no event has two, and each is
    watched for the same time. Time is the count of instructions."""
    said, seen = run(build, ["init=/bin/true", "test=flex-12"], smp=1, icount=True)
    hits = collections.Counter(trap.dr[n] for trap in seen for n in trap.hits())
    held = {tuple(sorted(trap.dr[n] for n in trap.enabled())) for trap in seen}
    wrong = [] if "\nok 1 flex-12" in said else ["the test failed"]
    if any(len(set(addresses)) != REGISTERS for addresses in held):
        wrong.append("a register was idle, or one address had two")
    if len(hits) != VARIABLES or max(hits.values()) > min(hits.values()) * (1 + 3 / ROUNDS):
        wrong.append(f"exceptions for each address: {sorted(hits.values())}")
    return "; ".join(wrong), said.split("\n")

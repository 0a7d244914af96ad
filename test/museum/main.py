# `make museum`: plants each fault of the museum in a copy of the kernel. Proves that its test sees
# it, and that the kernel itself passes that test. N= takes the first entries, ENTRY= names one.
import os
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]
sys.path[:0] = [sys.path[0] + "/tools", sys.path[0] + "/test"]
import emu  # noqa: E402
import names  # noqa: E402
import settings  # noqa: E402
from labs import cut  # noqa: E402
from museum import entries, scratch, trial  # noqa: E402

SECONDS = 60  # for a test, on a busy host
FOLDER = "museum"


def noticed(entry, copy):
    """What its test says of the kernel in the copy; "" when it passes."""
    if entry.test in entries.host_tests():
        return trial.run_host(copy.host_test(entry.test), SECONDS)
    in_kernel, in_user = ([entry.test] if entry.test in tests else None
                          for tests in (entries.kernel_tests(), entries.user_tests()))
    return trial.run_kernel(copy.kernel(), in_kernel, in_user, SECONDS, entry.smp, entry.rules,
                            entry.emulator)


def show(entry, copy):
    """What is wrong with the entry; "" when its test fails with the fault."""
    copy.plant(entry.edits)
    try:
        started = time.monotonic()
        said = noticed(entry, copy)
        print(f"{'seen' if said else 'NOT SEEN':8} {entry.year} {entry.name:28} {entry.test:28} "
              f"{said[:60]} ({time.monotonic() - started:.0f} s)", flush=True)
        return "" if said else f"{entry.name}: the test {entry.test} does not see it"
    except scratch.Broken as problem:
        return f"{entry.name}: {problem}"
    finally:
        copy.restore()


def pass_without_faults(exhibits, copy):
    """Each test once, on the kernel as it is. What is wrong."""
    wrong, done = [], set()
    for entry in exhibits:
        run = (entry.test, entry.rules, entry.smp, entry.emulator)
        if run in done:
            continue
        done.add(run)
        said = noticed(entry, copy)
        if said:
            wrong.append(f"{entry.test} without a fault: {said}")
    print(f"{len(done)} tests pass without a fault" if not wrong else "\n".join(wrong), flush=True)
    return wrong


def chosen():
    if settings.variable("ENTRY"):
        name = settings.one_word("ENTRY")
        found = [e for e in entries.ALL if e.name == name]
        if not found:
            sys.exit(f"dr7: ENTRY={name}: the museum has no such entry"
                     + names.nearest(name, {e.name for e in entries.ALL}, ""))
        return found
    return entries.ALL[:settings.number("N", len(entries.ALL), 1)]


def main():
    exhibits = chosen()
    try:
        with scratch.Scratch(FOLDER) as copy:
            wrong = pass_without_faults(exhibits, copy)
            for entry in exhibits:
                wrong += filter(None, [show(entry, copy)])
    except cut.CutError as problem:
        sys.exit(f"dr7: an entry no longer fits this kernel: {problem}")
    except scratch.Broken as problem:
        sys.exit(f"dr7: the kernel itself: {problem}")
    print(f"{len(exhibits)} entries, {len(wrong)} faults")
    for line in wrong:
        print("not ok " + line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    emu.tidy(main)

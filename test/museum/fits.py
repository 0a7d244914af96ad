# Does every entry of the museum still fit the kernel? Its texts must be found and must compile; the
# tests must exist. Only `make museum` shows whether they see the fault.
from labs import bench, cut, lab
from museum import entries, equivalents, scratch


def compiles(path, text, flags):
    done = bench.run([*flags, "-fsyntax-only", "-x", "c", "-"], cwd=lab.ROOT, given=text)
    return [f"{path} {bench.complaints(done)}"] if done.returncode else []


def problems(entry, flags, tests):
    try:
        texts = scratch.edited(entry.edits)
    except cut.CutError as problem:
        return [str(problem)]
    wrong = [] if entry.test in tests else [f"there is no test {entry.test}"]
    for path, text in texts.items():
        wrong += compiles(path, text, flags)
    return wrong


def check():
    """What is wrong ("": nothing), and a line for each entry."""
    flags = scratch.make(lab.ROOT, "DEBUG=1", "lab-flags").split()
    tests = entries.kernel_tests() | entries.user_tests() | entries.host_tests()
    wrong, lines = [], []
    for entry in entries.ALL:
        found = problems(entry, flags, tests)
        lines.append(f"{entry.name}: {'; '.join(found) or 'fits'}")
        wrong += [lines[-1]] * bool(found)
    wrong += equivalents.stale()
    names = [e.name for e in entries.ALL]
    wrong += [f"two entries are named {n}" for n in sorted(set(names)) if names.count(n) > 1]
    return "; ".join(wrong), lines

# Reads KTAP, and prints one table.
import re
from dataclasses import dataclass, field

TAIL_LINES = 30  # at least, of a failing case's log; a panic is shown completely

PLAN = re.compile(r"^1\.\.(\d+)")
RESULT = re.compile(r"^(not )?ok (\d+) (?:- )?(\S+)(?:.*# SKIP ?(.*))?")


class Skip(Exception):
    """A test cannot run here. The text is the reason."""


@dataclass
class Case:
    name: str
    verdict: str  # "ok", "FAIL" or "skip"
    reason: str = ""
    lines: list = field(default_factory=list)  # of the log, up to the verdict


@dataclass
class Result:
    """The results in one column of the table."""
    column: str
    log: str
    cases: list


def parse_ktap(lines, layers):
    """Returns (cases, complaints) of the KTAP documents in a log, one for each of `layers`, in
    order."""
    cases, complaints, block = [], [], []
    layer, plan, seen, documents = "", None, 0, 0

    def end_of_document():
        if layer and seen != plan:
            last = f" after {cases[-1].name}" if cases else ""
            complaints.append(f"cut short{last}: {seen} of {plan} tests of the {layer} reported")

    for line in lines:
        block.append(line)
        if line.startswith("KTAP version"):
            end_of_document()
            layer = layers[documents] if documents < len(layers) else "nobody"
            plan, seen, block, documents = None, 0, [], documents + 1
        elif PLAN.match(line) and plan is None:
            plan = int(PLAN.match(line)[1])
        elif RESULT.match(line) and plan is not None:
            bad, number, name, reason = RESULT.match(line).groups()
            seen += 1
            if int(number) != seen:
                complaints.append(f"{name} has number {number}, expected {seen}")
            verdict = "FAIL" if bad else "ok" if reason is None else "skip"
            cases.append(Case(f"{layer} {name}", verdict, reason or "", block))
            block = []
    end_of_document()
    if documents != len(layers):
        complaints.append(f"{documents} reports, expected {len(layers)}")
    return cases, complaints


def print_progress(result, seconds):
    label = result.cases[0].name if result.column == "boot" else result.column
    bad = sum(c.verdict == "FAIL" for c in result.cases)
    print(f"{label:34} {len(result.cases):3} cases, {bad} failed, {seconds:.1f} s", flush=True)


def print_table(results, order):
    """Prints columns in this order, and then the others."""
    columns = list(dict.fromkeys(r.column for r in results))
    columns.sort(key=lambda c: order.index(c) if c in order else len(order))
    cells = {(c.name, r.column): c.verdict for r in results for c in r.cases}
    results = sorted(results, key=lambda r: columns.index(r.column))
    names = list(dict.fromkeys(c.name for r in results for c in r.cases))
    width = max(map(len, names))
    heads = [(c.replace("mainline", "mainl.").split() + [""])[:2] for c in columns]
    for row in (0, 1):
        print("\n" * (row == 0) + " " * width, *(f"{h[row]:>6}" for h in heads))
    for name in names:
        print(f"{name:{width}}", *(f"{cells.get((name, c), '-'):>6}" for c in columns))


def print_failures(results):
    """Prints each failing case once: the columns, and the end of the log of the first one."""
    failures = {}
    for r in sorted(results, key=lambda r: r.column):
        for c in r.cases:
            if c.verdict == "FAIL":
                failures.setdefault(c.name, []).append((r, c))
    for name, places in sorted(failures.items()):
        r, c = places[0]
        print(f"\nFAILED {name} ({', '.join(r.column for r, _ in places)}) {c.reason}")
        print(f"  log: {r.log}")
        lines = [x for x in c.lines if x]
        panic = next((n - 1 for n, x in enumerate(lines) if x.startswith("PANIC:")), len(lines))
        for line in lines[max(0, min(panic, len(lines) - TAIL_LINES)):]:
            print("  | " + line)


def print_skips(results):
    where = {}
    for r in results:
        for c in r.cases:
            if c.verdict == "skip":
                where.setdefault((c.name, c.reason), []).append(r.column)
    for (name, reason), columns in where.items():
        print(f"skipped {name}: {reason} ({', '.join(columns)})")

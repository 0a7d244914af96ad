# A few rows of the benchmark, in instructions of the debug build, must stay under bounds. They show
# a path that got half as long again, or that depends on the length of a table. QEMU, one CPU.
import bench

# row -> the bound: some forty percent above the value at that time
MOST = {
    "calls": {"null-call": 400, "hit": 530, "hit-signal": 1950, "read": 450,
              "disable-enable": 5800, "modify": 7300, "open-close": 20000},
    "switches": {"switch-0": 2500, "switch-4": 8000, **{row: most for row, _, most in
                                                        bench.WRITES}},
    "tasks": {"fork-wait-0": 137000, "fork-wait-4": 239000, "thread-join-4": 138000,
              "exec": 165000},
    "many": {},
    # About a millisecond, because an emulator does 100 to 300 million instructions in a second.
    "holdups": {"holdup-signals": 136000, "holdup-blocked": 8000, **{
        "holdup-" + of: 50000 for of in (
            "areas", "exit", "wake", "stop", "processes", "sleepers", "events")}},
    "ptrace": {"ptrace-set-clear": 3500, "ptrace-stop": 9300},
}
# Many threads may cost only AT_MOST times as much as few: a tree gets a little higher, a list gets
# long.
MANY, FEW, AT_MOST = "thread-among-4000", "thread-among-250", 1.1


def check(kernel):
    """Returns (what is wrong, all measured values as lines)."""
    wrong, text, found = [], "", {}
    for group, bounds in MOST.items():
        rules = "exact" if group == "holdups" else "mainline" # mainline has no flexible events
        rows, log = bench.measure("dr7", group, rules, kernel=kernel, **bench.EXACT)
        found.update(rows)
        text += "".join(f"{row} {value}\n" for row, value in rows.items()) + log
        for row, most in bounds.items():
            if rows.get(row, most + 1) > most:
                wrong.append(f"{row} takes {rows.get(row)}, at most {most}")
    if FEW not in found or found.get(MANY, 2 * found[FEW]) > AT_MOST * found[FEW]:
        wrong.append(f"{MANY} takes {found.get(MANY)}, {FEW} {found.get(FEW)}")
    return "; ".join(wrong), text.split("\n")

# A trace as lines for a terminal: the task that held each register, one letter for each slice of
# time.
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
REGISTERS = 4


def letters_of(t):
    """pid -> letter: the task's name, if it is one letter, otherwise the next free letter."""
    found, free = {}, iter(LETTERS)
    pids = sorted({bar.task for bar in t.registers if bar.task})
    taken = {t.names.get(pid) for pid in pids}
    for pid in pids:
        name = t.names.get(pid, "")
        found[pid] = name if len(name) == 1 else next((c for c in free if c not in taken), "?")
    return found


def row(t, bars, width, letter):
    """If several breakpoints were in one slice, the letter is for the longest one."""
    span = max(1, t.end - t.begin)
    best = [(0, ".")] * width
    for bar in bars:
        first, last = ((x - t.begin) * width // span for x in (bar.start, bar.end))
        for cell in range(first, min(last, width - 1) + 1):
            begin, end = (t.begin + span * c // width for c in (cell, cell + 1))
            stay = min(end, bar.end) - max(begin, bar.start)
            best[cell] = max(best[cell], (stay, letter(bar)))
    return "".join(c for _, c in best)


def lines_of(t, width=80):
    letters = letters_of(t)
    room = width - 11
    for cpu in range(t.cpus):
        for reg in range(REGISTERS):
            bars = [b for b in t.registers if (b.cpu, b.reg) == (cpu, reg)]
            if bars:
                head = f"CPU {cpu}" * (reg == 0)
                yield f"{head:6} DR{reg} " + row(t, bars, room,
                                                  lambda bar: letters.get(bar.task, "*"))
    names = " ".join(f"{c}={t.names.get(pid, '?')}-{pid}" for pid, c in letters.items()
                     if t.names.get(pid) != c)
    yield f"{(t.end - t.begin) / 1e6:.1f} ms; . free, * of no task; {names}".rstrip("; ")
    hits = sum(m.kind == "hit" for m in t.marks)
    yield (f"{len(t.registers)} stays, {hits} hits, "
           f"{sum(m.kind == 'refused' for m in t.marks)} refusals, "
           f"{sum(n for _, _, n in t.writes)} register writes, {t.lost} records lost")

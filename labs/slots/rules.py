# The slot rules as docs/slots.md states them, over a list of live breakpoints. Slow and plain: it
# keeps no counts, so it cannot get them wrong.
SLOTS = 4


class Oracle:
    """`kept`: how many registers the flexible ones of a CPU own together, at most."""

    def __init__(self, rules, cpus, kept):
        self.rules, self.cpus, self.kept, self.live = rules, cpus, kept, []

    def here(self, cpu, pinned, task=any):
        """How many of a kind can run on this CPU; of one task (None: of no task), or of all."""
        return sum(1 for who, where, p in self.live
                   if where in (None, cpu) and p == pinned and task in (any, who))

    def tasks(self):
        return sorted({who for who, _, _ in self.live if who})

    def needs(self, cpu, task):
        """The registers that this CPU must have while the task (None: nobody) runs there."""
        who = {None, task}
        return sum(self.here(cpu, True, t) for t in who) + \
            min(sum(self.here(cpu, False, t) for t in who), self.kept)

    def needs_2009(self, asked, cpus):
        pinned = max(self.here(c, True, None) +
                     max([self.here(c, True, t) for t in self.tasks()], default=0) for c in cpus)
        kept = min(max(self.here(c, False) for c in cpus), self.kept)
        return pinned + kept + (asked[2] or kept < self.kept)

    def grants(self, asked):
        cpus = [c for c in range(self.cpus) if asked[1] in (None, c)]
        if self.rules == "2009":
            return self.needs_2009(asked, cpus) <= SLOTS
        self.live.append(asked)
        fits = all(self.needs(c, t) <= SLOTS for c in cpus for t in [None] + self.tasks())
        self.live.pop()
        return fits

    def play(self, words):
        """A row of "." and "x". ValueError: a word releases what is not held."""
        said = ""
        for word in words:
            times, release, asked = parse(word)
            if self.rules == "mainline":
                asked = asked[:2] + (True,)
            for _ in range(times):
                if release:
                    self.live.remove(asked)
                    continue
                granted = self.grants(asked)
                said += "." if granted else "x"
                if granted:
                    self.live.append(asked)
        return said

    def counts(self):
        """What the table must hold for each CPU, as answer.c prints it."""
        out = []
        for c in range(self.cpus):
            histogram = [[0] * (SLOTS + 1) for _ in range(self.kept + 1)]
            for t in self.tasks():
                pinned, flexible = self.here(c, True, t), self.here(c, False, t)
                if pinned or flexible:
                    histogram[min(flexible, self.kept)][pinned] += 1
            columns = ",".join("/".join(str(row[n]) for row in histogram)
                               for n in range(SLOTS + 1))
            out.append(f"{self.here(c, True, None)},{self.here(c, False, None)},"
                       f"{self.here(c, False)}:{columns}")
        return out


def parse(word):
    """(how often, whether it is a release, (task or None, CPU or None, pinned))"""
    times = 1
    if word[0].isdigit():
        times, word = int(word[0]), word[1:]
    release = word[0] == "~"
    word = word.lstrip("~")
    return times, release, (None if word[0] == "-" else word[0],
                            None if word[1] == "*" else int(word[1]), not word.endswith("f"))


def answer(rules, cpus, words, kept):
    """The line that answer.c must print."""
    oracle = Oracle(rules, cpus, kept)
    said = oracle.play(words)
    return f"{said} {' '.join(oracle.counts())} {len(oracle.live)}"

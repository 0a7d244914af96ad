# A model of the debug registers. It reads the writes of a register file, one after the other. At
# the first write that breaks a rule it names the rule.
SLOTS = 4
BASE = 0x1000
FIXED = 0x400              # of DR7: a bit that is always 1
QUIET = 0xffff0ff0         # DR6 when nothing has happened
BS, OTHERS = 1 << 14, 0xe000  # a single step; BD, BS and BT
TYPES = {"x": 0, "w": 1, "a": 3}
LENGTHS = {0: 1, 1: 2, 3: 4, 2: 8}  # the field LEN of DR7 (SDM 18.2.4)


class Wrong(Exception):
    """A rule is broken: its letter, and a sentence."""

    def __init__(self, letter, words):
        super().__init__(words)
        self.letter = letter


class Impossible(Exception):
    """The script itself is not possible."""


def condition(word):
    """A0w8 -> (owner, (address, type, length))"""
    return word[0], (BASE + int(word[1], 16), TYPES[word[2]], int(word[3]))


def enabled(dr7, n):
    """(type, length) of register n, or None when it is off."""
    if not dr7 >> 2 * n & 3:
        return None
    field = dr7 >> 16 + 4 * n & 15
    return field & 3, LENGTHS[field >> 2]


def covers(a, b):
    """Whether each hit of the condition b is a hit of a, too."""
    if 0 in (a[1], b[1]):
        return a[:2] == b[:2]
    return (a[1] == 3 or b[1] == 1) and a[0] <= b[0] and b[0] + b[2] <= a[0] + a[2]


class Model:
    """`first`: which of several equally good registers is to be taken, 0 or 3."""

    def __init__(self, first):
        self.order = list(range(SLOTS)) if first == 0 else list(reversed(range(SLOTS)))
        self.dr, self.dr7 = [0] * SLOTS, FIXED
        self.want, self.place = {}, {}   # owner -> condition; owner -> register
        self.live = {}                   # register -> condition, since the last commit
        self.depth, self.in_db, self.nested = 0, False, 0
        self.writes = self.commits = 0

    # ---- single writes ----

    def on(self, dr7=None):
        """register -> the condition that it watches now"""
        value = self.dr7 if dr7 is None else dr7
        return {n: (self.dr[n], *enabled(value, n)) for n in range(SLOTS) if enabled(value, n)}

    def write_address(self, n, value, later):
        if n in self.on():
            late = any(not enabled(dr7, n) for dr7 in later)
            raise Wrong("l" if late else "d", f"DR{n} gets an address while it is enabled" +
                        ("; it is switched off too late" if late else ""))
        if self.dr[n] == value:
            raise Wrong("m", f"DR{n} gets the address that it has already")
        self.dr[n] = value

    def write_control(self, value):
        unused = ~(FIXED | sum(0x3 << 2 * n | 0xf << 16 + 4 * n for n in self.on(value)))
        if not value & FIXED or value & unused:
            raise Wrong("2", f"DR7 is {value:x}: bit 10 must be 1, and the bits of registers that "
                             "are off must be 0")
        known = [*self.want.values(), *self.live.values()]
        for n, c in self.on(value).items():
            if self.in_db:
                raise Wrong("3", f"DR7 is {value:x} inside a #DB: DR{n} is enabled")
            if c not in known:
                raise Wrong("d", f"DR{n} watches {text(c)}, which nobody wants")
        if value == self.dr7:
            raise Wrong("m", f"DR7 gets the value {value:x}, which it has already")
        self.dr7 = value

    def take_writes(self, tokens):
        """Makes the writes among the tokens, and returns the other tokens."""
        rest = [t for t in tokens if t[1:2] != "="]
        writes = [(int(t[0]), int(t[2:], 16)) for t in tokens if t[1:2] == "="]
        for i, (n, value) in enumerate(writes):
            if n < SLOTS:
                self.write_address(n, value, [v for k, v in writes[i + 1:] if k == 7])
            elif n == 7:
                self.write_control(value)
            else:
                raise Wrong("6", "DR6 is written where no #DB begins")
            self.writes += 1
        return rest

    def quiet(self, tokens):
        """Checks that the tokens have no write, and returns them."""
        if any(t[1:2] == "=" for t in tokens):
            raise Wrong("e", "a register is written before the outermost commit")
        return tokens

    # ---- words ----

    def settle(self, tokens, most_control):
        """The registers become what is wanted."""
        before, was_on = list(self.dr), self.on()
        control = sum(t.startswith("7=") for t in tokens)
        self.take_writes(tokens)
        now = self.on()
        if sorted(now.values()) != sorted(self.want.values()):
            raise Wrong("w", f"the registers watch {texts(now.values())}; wanted is "
                             f"{texts(self.want.values())}")
        moved = [n for n in range(SLOTS) if self.dr[n] != before[n]]
        if control > most_control + any(n in was_on for n in moved):
            raise Wrong("m", f"DR7 is written {control} times")
        for low in now:
            for high in now:
                if low < high and covers(now[low], now[high]) and \
                        not covers(now[high], now[low]):
                    raise Wrong("4", f"DR{low} covers DR{high}: the narrower one must be lower")
        self.in_order(tokens)
        left, self.live = dict(now), now
        for owner, c in self.want.items():
            self.place[owner] = next(n for n, have in left.items() if have == c)
            del left[self.place[owner]]

    def in_order(self, tokens):
        numbers = [int(t[0]) for t in tokens if t[1] == "=" and t[0] in "0123"]
        if numbers != [n for n in self.order if n in numbers]:
            raise Wrong("o", f"the addresses are written in the order {numbers}")

    def commit(self, tokens):
        if self.depth == 0:
            raise Impossible
        self.depth -= 1
        if self.depth or self.in_db:
            self.quiet(tokens)
        else:
            self.commits += 1
            self.settle(tokens, 1)

    def best(self, c):
        """The register that an install must get."""
        free = [n for n in self.order if n not in self.place.values()]
        now = self.live
        for good in (lambda n: now.get(n) == c, lambda n: self.dr[n] == c[0],
                     lambda n: n not in now, lambda n: True):
            for n in free:
                if good(n):
                    return n
        return None

    def install(self, word, tokens):
        owner, c = condition(word)
        if owner in self.want or c in self.want.values() or not (self.depth or self.in_db):
            raise Impossible
        n = self.best(c)
        wanted = "r-" if n is None else f"r{n}"
        if self.quiet(tokens) != [wanted]:
            raise Wrong("c", f"{text(c)} gets register {' '.join(tokens)[1:]}, should get "
                             f"{wanted[1:]}")
        if n is not None:
            self.want[owner], self.place[owner] = c, n

    def change(self, word, tokens):
        owner, c = condition(word)
        if c in self.want.values() or not (self.depth or self.in_db):
            raise Impossible
        if self.quiet(tokens) != ["y" if owner in self.want else "n"]:
            raise Wrong("c", f"the change of {owner}: {' '.join(tokens)}")
        if owner in self.want:
            self.want[owner] = c

    def evict(self, owner, tokens):
        if not (self.depth or self.in_db):
            raise Impossible
        if self.quiet(tokens) != ["y" if owner in self.want else "n"]:
            raise Wrong("c", f"the eviction of {owner}: {' '.join(tokens)}")
        self.want.pop(owner, None)
        self.place.pop(owner, None)

    def hits(self, dr6):
        """(slots, DR6) of a #DB with these bits."""
        now = self.live
        slots = [n for n in now if dr6 >> n & 1]
        data = [n for n in slots if now[n][1]]
        if dr6 & BS or data:
            slots = data  # an execute breakpoint at the next instruction has not hit yet
        slots = {m for n in slots for m in now if covers(now[m], now[n])}
        bits = sum(1 << n for n in slots)
        return f"h{bits:x},{bits | dr6 & OTHERS:x}"

    def enter(self, bits, tokens):
        if self.in_db:
            raise Impossible
        wanted = self.hits(int(bits, 16) | self.nested)
        self.nested, self.in_db, self.dr7 = 0, True, FIXED
        if "7=400" not in tokens:
            raise Wrong("3", "DR7 must be 400 while a #DB is handled")
        if f"6={QUIET:x}" not in tokens:
            raise Wrong("6", f"DR6 must be {QUIET:x} when the next #DB comes")
        rest = self.quiet([t for t in tokens if t not in ("7=400", f"6={QUIET:x}")])
        if rest != [wanted]:
            raise Wrong("h", f"the #DB with DR6 = {bits} means {' '.join(rest)[1:]}, should be "
                             f"{wanted[1:]} (registers, DR6)")

    def leave(self, tokens):
        if not self.in_db:
            raise Impossible
        self.in_db = False
        if self.depth == 0:
            self.settle(tokens, 1)
            return
        self.take_writes(tokens)
        if self.on() != self.live:
            raise Wrong("w", f"after the #DB the registers watch {texts(self.on().values())}, "
                             f"should be {texts(self.live.values())}")

    def play(self, word, tokens):
        """One word, and what the register file did."""
        kind, rest = word[0], word[1:]
        if kind in "bn":
            self.quiet(tokens)
            self.depth += kind == "b"
            self.nested = int(rest, 16) if kind == "n" else self.nested
        elif kind == "c":
            self.commit(tokens)
        elif kind in "eq":
            self.enter(rest, tokens) if kind == "e" else self.leave(tokens)
        else:
            {"+": self.install, "=": self.change, "-": self.evict}[kind](rest, tokens)


def text(c):
    kind = {0: "execution", 1: "writes", 3: "reads and writes"}[c[1]]
    return f"{kind} at {c[0]:x}, {c[2]} byte{'s' * (c[2] > 1)}"


def texts(conditions):
    return "; ".join(text(c) for c in sorted(conditions)) or "nothing"

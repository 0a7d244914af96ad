# What a tracer sees of debug registers: the oracle. With LENGTH = 1 and DOWN = 0 these are the
# rules of Linux 6.12: `make labs-check` plays the same scenes on Linux itself.
REGISTERS = 4
LENGTHS = (1, 2, 8, 4)  # of LEN in DR7
EXECUTE, WRITE, IO = 0, 1, 2
USER_END = 0x7ffffffff000  # with four levels of page tables
DR6_NONE = 0xffff0ff0
ARENA = 0x10000000  # what may be watched (traffic.c)


class Refused(Exception):
    """The name of an error."""


class Condition:
    """What DR7 says of register n."""

    def __init__(self, dr7, n):
        bits = dr7 >> 16 + 4 * n & 15
        self.kind, self.length = bits & 3, LENGTHS[bits >> 2]
        self.on = bool(dr7 >> 2 * n & 3)

    def check(self):
        """Ports are not watched, and an instruction has no length."""
        if self.kind == IO or (self.kind == EXECUTE and self.length != 1):
            raise Refused("EINVAL")

    def check_address(self, address):
        """A number must be aligned and in user memory. A function's name is always right."""
        if not isinstance(address, str) and \
                (address % self.length or address + self.length > USER_END):
            raise Refused("EINVAL")


def own_bits(n):
    """The bits of DR7 that belong to register n."""
    return 3 << 2 * n | 15 << 16 + 4 * n


class Child:
    """A child and its registers. An address is a number, or the name of a function."""

    def __init__(self, length=1, down=0):
        self.first = WRITE | LENGTHS.index(length) << 2
        self.order = range(REGISTERS)[::-1 if down else 1]
        self.opened = 0  # breakpoints by perf_event_open(2)
        self.execute()

    def execute(self):
        """A new program begins without registers."""
        self.address = [0] * REGISTERS
        self.armed = [None] * REGISTERS  # (address, condition) of registers that are on
        self.used = []                   # registers that have a slot
        self.control = 0                 # the conditions of these
        self.dr7, self.dr6 = 0, DR6_NONE

    def check_slot(self):
        if len(self.used) + self.opened >= REGISTERS:
            raise Refused("ENOSPC")

    # ---- addresses ----

    def set(self, n, dr7, address):
        """Register n gets this address, and the condition that dr7 has for it."""
        condition = Condition(dr7, n)
        condition.check()
        if n not in self.used:
            self.check_slot()
        condition.check_address(address)
        if n not in self.used:
            self.used.append(n)
        self.address[n] = address
        self.armed[n] = (address, condition) if condition.on else None

    def set_address(self, n, address):
        if n not in self.used:
            first = self.first << 16 + 4 * n
            self.set(n, first, address)
            self.control |= first
        elif Condition(self.control, n).on:
            self.set(n, self.control, address)
        else:
            Condition(self.control, n).check_address(address)
            self.address[n] = address

    # ---- DR7 ----

    def changes(self, n, dr7):
        """Whether a new DR7 says something new of register n. Without a slot, a register matters
        only when it is enabled."""
        return dr7 >> 2 * n & 3 if n not in self.used else (dr7 ^ self.control) & own_bits(n)

    def set_dr7(self, dr7):
        """All registers follow DR7, or none. If another register is refused, a register that has
        got a slot keeps it."""
        try:
            for n in [n for n in self.order if self.changes(n, dr7)]:
                self.set(n, dr7, self.address[n])
        except Refused:
            self.put_back()
            raise
        self.control, self.dr7 = dr7 & sum(own_bits(n) for n in self.used), dr7

    def put_back(self):
        """Registers that were off become execute breakpoints, which take any address."""
        for n in self.used:
            if not Condition(self.control, n).on:
                self.control &= ~own_bits(n)
            self.set(n, self.control, self.address[n])

    # ---- words (traffic.c) ----

    def hits(self, word):
        """The registers that see an access."""
        if word[0] == "c":
            return [n for n, armed in enumerate(self.armed) if armed and
                    armed[0] == "@" + word[1:] and armed[1].kind == EXECUTE]
        at, length = (int(x) for x in word[1:].split("+"))
        return [n for n, armed in enumerate(self.armed)
                if armed and not isinstance(armed[0], str) and armed[1].kind != EXECUTE and
                (word[0] == "w" or armed[1].kind != WRITE) and
                armed[0] < ARENA + at + length and ARENA + at < armed[0] + armed[1].length]

    def act(self, word):
        found = self.hits(word)
        if len(found) > 1:
            raise ValueError(f"{word}: several registers see it, and QEMU names one")
        if not found:
            return ""
        self.dr6 = DR6_NONE | 1 << found[0]
        return f"trap{1 << found[0]:x}"

    def read(self, n):
        value = self.address[n] if n < REGISTERS else {6: self.dr6, 7: self.dr7}.get(n, 0)
        return value if isinstance(value, str) else f"{value:x}"

    def write(self, n, value):
        value = value if value.startswith("@") else int(value, 16)
        if n < REGISTERS:
            self.set_address(n, value)
        elif n == 6:
            self.dr6 = value
        elif n == 7:
            self.set_dr7(value)
        else:
            raise Refused("EIO")
        return "ok"

    def open(self):
        self.check_slot()
        self.opened += 1
        return "ok"

    def play(self, word):
        """The answer to a word."""
        try:
            if word[0].isdigit():
                n = int(word[0])
                return self.read(n) if word[1] == "?" else self.write(n, word[2:])
            if word == "o":
                return self.open()
            if word == "x":
                self.execute()
                return ""
            return self.act(word)
        except Refused as refused:
            return str(refused)

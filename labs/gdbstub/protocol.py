# gdb's side of the remote protocol (gdb manual, appendix E), and a right stub. A script is a pair:
# a list of byte strings that come on the serial line, and a list of calls (letter, text). answer.c
# explains the letters.
import re
from dataclasses import dataclass

PACKET_MAX = 4096
HEX = b"0123456789abcdef"
RUN_BASE = 29
TYPES = {1: 4, 2: 2, 3: 3, 4: 3}  # of a Z packet -> HW_BREAKPOINT_X, _W and _RW
EXECUTE_LENGTH = 8                # sizeof(long), as perf_event_open(2) wants it


class Waits(Exception):
    """A call waits for a byte that never comes."""


def packet(data):
    return b"$" + data + b"#%02x" % (sum(data) % 256)


def plain(text):
    """Without escapes."""
    return re.sub(rb"}(.)", lambda c: bytes([c[1][0] ^ 0x20]), text, flags=re.S)


def shortest(data, longest):
    """The number of bytes with the best runs."""
    n = i = 0
    while i < len(data):
        run = 1
        while run < longest and data[i:i + 1] == data[i + run:i + run + 1]:
            run += 1
        run = 6 if run in (7, 8) else run if run > 3 else 1  # the counts '#' and '$'
        n, i = n + (3 if run > 1 else 1), i + run
    return n


def unpacked(frame, longest):
    """(a letter, what is wrong; the text with runs expanded). The letter "" is right."""
    at = frame.find(b"#")
    if frame[:1] != b"$" or at < 0 or len(frame) != at + 3:
        return "f", "is not one packet, $...#xx", b""
    data, text, i = frame[1:at], b"", 0
    if b"$" in data:
        return "f", "has a '$' inside", b""
    if frame[at + 1:] != packet(data)[-2:]:
        return "c", f"the checksum should be {packet(data)[-2:].decode()}", b""
    while i < len(data):
        run = 1
        if data[i + 1:i + 2] == b"*" and i + 2 < len(data):
            run = data[i + 2] - RUN_BASE + 1
            if run < 4 or data[i + 2] > 126:
                return "n", f"{data[i + 2]} cannot be a run's count", b""
            if run > longest:
                letter = "l" if run == longest + 1 else "L"
                return letter, f"a run of {run} is longer than LONGEST", b""
        text += data[i:i + 1] * run
        i += 3 if run > 1 else 1
    return "", "", text


@dataclass
class Result:
    """What a call should do. `sent`: bytes on the line; `replies`: the texts of reply packets."""
    value: str = ""
    sent: bytes = b""
    replies: tuple = ()
    waits: bool = False


class Stub:
    """A right stub, with the numbers of a student."""

    def __init__(self, params, line):
        self.longest, self.limit = params["LONGEST"], params["LIMIT"]
        self.line, self.acks, self.begun, self.points = bytearray(line), True, False, []

    def byte(self):
        if not self.line:
            raise Waits
        return self.line.pop(0)

    def get_data(self):
        data, c = b"", self.byte()
        while c != ord("#"):
            data = b"" if c == ord("$") else data + bytes([c])
            c = self.byte()
        check = bytes([self.byte(), self.byte()]).lower()
        good = len(data) <= PACKET_MAX and check == packet(data)[-2:]
        return data if good else None

    def get(self, result):
        while True:
            while not self.begun and self.byte() != ord("$"):
                pass
            self.begun = False
            data = self.get_data()
            if self.acks:
                result.sent += b"-" if data is None else b"+"
            if data is not None:
                result.value = data.hex()
                return

    def reply(self, text, result):
        while True:
            result.replies += (text,)
            c = b"?"
            while self.acks and c not in b"+-$":
                c = bytes([self.byte()])
            self.begun = self.begun or c == b"$"
            if c != b"-":
                return

    def change(self, text, insert, result):
        """The answer to a Z or z packet. result.value gets the calls that it should make."""
        numbers = [number(word) for word in text.split(b",")]
        if len(numbers) != 3 or None in numbers:
            return b"E16"
        kind, addr, length = numbers
        if kind > 4:
            return b""
        if kind == 0:
            result.value += f"{'I' if insert else 'R'}{addr:x};"
            return b"OK"
        point = (kind, addr, 1 if kind == 1 else length)
        if not insert:
            return self.remove(point, result)
        return b"OK" if point in self.points else self.add(point, result)

    def remove(self, point, result):
        if point not in self.points:
            return b"E02"
        self.points.remove(point)
        result.value += f"C{point[1]:x};"
        return b"OK"

    def add(self, point, result):
        if len(self.points) >= self.limit:
            return b"E1c"
        kind, addr, length = point
        length = EXECUTE_LENGTH if kind == 1 else length
        result.value += f"S{addr:x},{TYPES[kind]},{length:x};"
        if kind > 1 and (length not in (1, 2, 4, 8) or addr % length):
            return b"E16"
        self.points.append(point)
        return b"OK"

    def call(self, letter, text):
        result = Result()
        try:
            if letter == "g":
                self.get(result)
            elif letter == "a":
                self.acks = text == b"1"
            elif letter == "b":
                self.begun = True
            elif letter == "t":
                self.reply(text, result)
            elif letter in "Zz":
                self.reply(self.change(text, letter == "Z", result), result)
            else:
                result.value = parsed(letter, text)
        except Waits:
            result.waits = True
        return result

    def play(self, calls):
        """The results, up to the first call that waits."""
        results = []
        for letter, text in calls:
            results.append(self.call(letter, text))
            if results[-1].waits:
                break
        return results


def number(word):
    return int(word, 16) if word and all(c in HEX for c in word.lower()) else None


def parsed(letter, text):
    """What a parser finds, as answer.c writes it; "0": it is not there."""
    if letter == "h":
        n = next((i for i, c in enumerate(text.lower()) if c not in HEX), len(text))
        return f"1,{int(text[:n], 16):x},{n}" if n else "0"
    count, text = text.split(b",", 1)
    digits = text[:2 * int(count)].lower()
    if len(digits) < 2 * int(count) or any(c not in HEX for c in digits):
        return "0"
    return f"1,{digits.decode()}ee,{len(digits)}"  # the next byte is as it was

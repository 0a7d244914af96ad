# Judges the stub of a hand-in. On this host its answers are compared with those of a right stub
# (protocol.py). Then a real gdb talks to a kernel with the stub (session.py).
import random

from labs.answers import Answers
from labs.gdbstub import session
from labs.gdbstub.protocol import Stub, packet, plain, shortest, unpacked

WRONG = ("PANIC", "HANG", "CRASH")
SCRIPTS = {"alone": 150, "together": 400}  # random ones
QUIET = ("a", b"0")
GET = ("g", b"")


def texts(longest):
    """Replies that tell the mistakes of packing apart."""
    runs = [3, 4, 6, 7, 8, 9, longest, longest + 1, longest + 4, 3 * longest + 2]
    return [b"", b"OK", b"T05thread:1;", b"p\x95"] + [b"a" * n for n in runs] + \
        [b"xy" + b"0" * 5 + b"z" * 4, b"a#b", b"a$b", b"a}b", b"a*b", b"*" * 6]


def probes(params):
    """The scripts that are always tried. They tell the planted mistakes apart, and are public."""
    got = [([packet(b"?")], [GET]), ([b"+", packet(b"qC"), b"\x03", packet(b"m10,4")], [GET, GET]),
           ([b"$vCo", packet(b"vCont?")], [GET]), ([b"$@@@@", packet(b"g")], [GET]),
           ([b"$m1,4#00", packet(b"m1,4")], [GET]),
           ([b"$g#07", packet(b"?")], [GET]), ([b"$g#60", packet(b"?")], [GET]),
           ([b"$g#zz", packet(b"?")], [GET]), ([b"$g#00", packet(b"?")], [QUIET, GET]),
           ([b"g#67"], [("b", b""), GET]), ([b"g#67?#3f"], [("b", b""), GET, GET]),
           ([packet(b"a" * 4096)], [GET]), ([packet(b"a" * 4097), packet(b"?")], [GET]),
           ([packet(b"b" * 6000), packet(b"?")], [GET]), ([packet(b"")], [GET])]
    said = [([], [QUIET, ("t", text)]) for text in texts(params["LONGEST"])]
    said += [([b"+"], [("t", b"OK")]), ([b"--+"], [("t", b"OK")]),
             ([packet(b"g")], [("t", b"OK"), GET])]
    read = [([], [("h", text)]) for text in
            (b"0", b"1f,", b"", b"xyz", b"FFFFFFFFFFFFFFFF", b"dEaD:", b"80000000000")]
    read += [([], [("y", text)]) for text in
             (b"2,12ab", b"2,12a", b"1,g1", b"1,1g", b"3,00ff7f55", b"0,", b"2,12")]
    return got + said + read + [([], [QUIET] + calls) for calls in breaks(params["LIMIT"])]


def breaks(limit):
    def ask(*words):
        return [(word[0], word[1:].encode()) for word in words]
    full = [f"Z2,{0x1000 + 8 * i:x},8" for i in range(limit)]
    return [ask(*words) for words in [
        ["Z2,1000,4"], ["Z1,1001,1"], ["Z0,1003,1"], ["Z3,1000,8"], ["Z4,1002,2"], ["Z2,1000,3"],
        ["Z2,1001,2"], ["Z5,1000,4"], ["Z9,0,0", "Z2,1000,1"], ["Z2"], ["Z2,1000"], ["Z2,1000,"],
        ["Z2;1000;4"], ["Zx,1000,4"], ["z2,1000,4"], ["z0,1000,1"], ["z7,1000,4"],
        ["Z2,1000,4", "z2,1000,4"], ["Z2,1000,4", "Z2,1000,4", "z2,1000,4", "z2,1000,4"],
        ["Z1,1000,1", "Z1,1000,2"], ["Z2,1000,4", "Z4,1000,4"], ["Z4,1000,4", "z2,1000,4"],
        ["Z4,1000,4", "z4,1000,4"], ["Z3,1000,4", "z3,1000,4"], ["Z1,1000,1", "z1,1000,1"],
        [*full, "Z4,2000,4"], [*full, full[0], "z" + full[0][1:], "Z4,2000,4"],
        ["Z2,1000,3", *full], ["Z4,ffffffff80123458,8", "z4,ffffffff80123458,8"]]]


# ---- one script ----

def plainly(data):
    """Bytes in a form for people to read."""
    return repr(data)[1:]


def question(script):
    line, calls = script
    words = []
    for letter, text in calls:
        count, text = text.split(b",", 1) if letter == "y" else (b"", text)
        words.append(letter + (count.decode() + "," if count else "") +
                     (text.decode() if letter == "a" else text.hex()))
    return " ".join([".".join(map(part, line)) or "-"] + words)


def part(data):
    """Bytes for the serial line. A long packet of one letter is written as a run."""
    if len(data) < 1000:
        return data.hex()
    return f"{data[:1].hex()}.{data[1:2].hex()}*{len(data) - 4}.{data[-3:].hex()}"


def reply_wrong(wanted, sent, longest):
    """What is wrong with packets that were sent: (letter, words)"""
    each = len(sent) // len(wanted)
    if sent != sent[:each] * len(wanted):
        return "x", f"{plainly(sent)} is not the same packet {len(wanted)} times"
    letter, why, text = unpacked(sent[:each], longest)
    if letter:
        return letter, f"{plainly(sent[:each])}: {why}"
    if plain(text) != wanted[0]:
        return "e", (f"{plainly(sent[:each])} says {plainly(text)}, should say "
                     f"{plainly(wanted[0])}")
    if each - 4 > shortest(text, longest):
        return "m", f"{plainly(sent[:each])} is too long: a run would be shorter"
    return None


def call_wrong(letter, wanted, word, longest):
    """What is wrong with a call: (letter, words); None: nothing."""
    value, sent = word[1:].split(">")
    sent = bytes.fromhex(sent)
    waits, value = value.endswith("w"), value.removesuffix("w")
    if value == "!":
        return "!", "it writes past the end of the buffer"
    if waits != wanted.waits:
        return ("w", "it waits for one more byte") if waits else \
            ("r", f"it should go on waiting, but returns {shown(letter, value)}")
    if letter in "hy" and wanted.value == "0":
        return ("o", "it should return false") if value[0] != "0" else None
    if value != wanted.value and not (letter == "g" and waits):
        return ("o" if letter in "hy" and value[0] == "0" else
                "p" if value.rsplit(",", 1)[0] == wanted.value.rsplit(",", 1)[0] else "v"), \
            f"{shown(letter, value)}; right is {shown(letter, wanted.value)}"
    if wanted.replies:
        return reply_wrong(wanted.replies, sent, longest)
    return None if sent == wanted.sent else ("k", f"it sends {plainly(sent)}, should send "
                                                  f"{plainly(wanted.sent)}")


CALLS = {"S": "hwbp_stopped_set", "C": "hwbp_stopped_clear", "I": "insert_software",
         "R": "remove_software"}


def shown(letter, value):
    """What a call has done, in words for people to read."""
    if letter == "g":
        return f"the packet {plainly(bytes.fromhex(value))}"
    if letter in "Zz":
        return ", ".join(f"{CALLS[call[0]]}({call[1:]})" for call in value.split(";")[:-1]) or \
            "no call"
    return f"(found, value, length) = ({value})"


class Judge:
    def __init__(self, program, params):
        self.program, self.params = program, params

    def wrong(self, script):
        """What is wrong with a script: (letter, words); None: nothing."""
        line, calls = script
        wanted = Stub(self.params, b"".join(line)).play(calls)
        got = self.program.ask(question(script))
        if got.startswith(WRONG):
            return got[0], got
        words = got.split()
        for (letter, text), right, word in zip(calls, wanted, words):
            found = call_wrong(letter, right, word, self.params["LONGEST"])
            if found:
                return found[0], f"{name(letter, text)}: {found[1]}"
        return None if len(words) == len(wanted) else ("r", "it does not wait")

    def shrunk(self, script):
        """The shortest part of a wrong script that is found to be wrong, too."""
        smaller = True
        while smaller:
            smaller = False
            for less in shorter(*script):
                if self.wrong(less):
                    script, smaller = less, True
                    break
        return script

    def example(self, script):
        """A sentence about the first thing that is wrong."""
        line, calls = self.shrunk(script)
        before = [f"the line has {plainly(b''.join(line)[:60])}"] * bool(line)
        before += [name(*call) for call in calls[:-1]]
        return ", ".join(before) + ": " * bool(before) + self.wrong((line, calls))[1]

    def search(self, seed, rounds):
        """A random script that is answered wrongly, or None."""
        rng = random.Random(seed)
        scripts = (random_script(rng, self.params["LONGEST"]) for _ in range(rounds))
        return next((script for script in scripts if self.wrong(script)), None)


def name(letter, text):
    if letter in "Zz":
        return f'the packet "{letter}{text.decode(errors="replace")}"'
    if letter == "y":
        count, text = text.split(b",", 1)
        return f"parse_bytes({plainly(text)}), {count.decode()} bytes"
    called = {"g": "packet_get", "a": "packet_acks", "b": "packet_begun", "t": "reply_text",
              "h": "parse_hex"}
    return f"{called[letter]}({plainly(text) if letter in 'th' else text.decode()})"


def shorter(line, calls):
    """The script with one part left out, for each part."""
    for i in reversed(range(len(calls))):
        yield line, calls[:i] + calls[i + 1:]
    for i in reversed(range(len(line))):
        yield line[:i] + line[i + 1:], calls
    for i, (letter, text) in enumerate(calls):
        if letter == "t" and len(text) > 1:
            for half in (text[len(text) // 2:], text[:len(text) // 2], text[1:], text[:-1]):
                yield line, calls[:i] + [(letter, half)] + calls[i + 1:]


# ---- random scripts ----

def random_text(rng, longest):
    most = rng.choice([2, 9, longest + 9])
    return b"".join(bytes([rng.choice(b"#$}*0aZ~\x90")]) * rng.randint(1, most)
                    for _ in range(rng.randint(0, 8)))


def random_packet(rng):
    data = bytes(rng.choice(b"mMgc;:,0123abcxyz\xc0\xff") for _ in range(rng.randint(0, 30)))
    whole = packet(data)
    return rng.choice([whole, whole, whole, b"$" + data + b"#0q", whole[:-1] + b"!",
                       whole[:rng.randint(1, len(data) + 1)], b"+", b"-", b"\x03"])


def random_break(rng):
    addr = rng.choice([0x1000, 0xffffffff80123450]) + rng.randrange(8)
    word = f"{rng.randrange(6):x},{addr:x},{rng.choice('123488a')}"
    return rng.choice("ZZZz"), word.encode()


def random_script(rng, longest):
    kind = rng.randrange(4)
    if kind == 0:
        return [random_packet(rng) for _ in range(rng.randint(1, 8))], [GET] * rng.randint(1, 4)
    if kind == 1:
        calls = [("t", random_text(rng, longest)), GET]
        return [rng.choice([b"+", b"--+", b"\x03+", packet(b"g")]), packet(b"?")], calls
    if kind == 2:
        return [], [QUIET] + [random_break(rng) for _ in range(rng.randint(1, 20))]
    digits = "".join(rng.choice("0123456789abcdefABCDEFx") for _ in range(rng.randint(0, 16)))
    return [], [("h", digits.encode() + b","),
                ("y", f"{rng.randrange(9)},{digits}".encode())]


# ---- grades ----

def alone(bench):
    """(the row of letters, a sentence about what is wrong)"""
    params, row, wrong = bench.lab.params, "", []
    with Answers(bench.program("answer.c")) as program:
        judge = Judge(program, params)
        for script in probes(params):
            found = judge.wrong(script)
            row += found[0] if found else "."
            if found:
                wrong.append(script)
        if not wrong:
            found = judge.search(bench.seed, SCRIPTS["alone"])
            row, wrong = (row + "R", [found]) if found else (row, [])
        return row, judge.example(wrong[0]) if wrong else ""


def together(bench):
    """All functions at once: on this host, then in a kernel that a real gdb has stopped."""
    with Answers(bench.program("answer.c")) as program:
        judge = Judge(program, bench.lab.params)
        found = judge.search(bench.seed + "together", SCRIPTS["together"])
        if found:
            return judge.example(found)
    return session.wrong(bench)

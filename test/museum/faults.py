# Random faults of one operator: another operator or constant, a condition that is always true or
# never, a statement that is left out.
import glob
import re
from dataclasses import dataclass

from labs import bench, cut, lab

FILES = ["arch/x86/debugreg.c", "hwbp/*.c", "perf/*.c", "sched/*.c", "linux/ptrace/debugreg.c",
         "debug/ksym/*.c"]

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
                   r'|^[ \t]*#(?:\\\n|[^\n])*|[A-Za-z_]\w*|0[xX]\w+|\d\w*'
                   r'|->|\+\+|--|<<=|>>=|<<|>>|[-+*/%&|^=!<>]=|&&|\|\||\s+|.', re.S | re.M)
NAME = re.compile(r"[A-Za-z_]\w*$")
NUMBER = re.compile(r"\d")

# What stands between two operands.
BINARY = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||",
          "||": "&&", "+": "-", "-": "+", "&": "|", "|": "&", "<<": ">>", ">>": "<<", "/": "*",
          "%": "/", "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="}
OTHER = {"++": "--", "--": "++", "!": "", "~": "", "true": "false", "false": "true"}
ASSIGNS = {"=", "+=", "-=", "|=", "&=", "++", "--"}
KEYWORDS = {"if", "else", "for", "while", "do", "switch", "case", "default", "return", "goto",
            "struct", "enum", "static", "const", "sizeof", "unsigned"}

# Nothing is planted in code that only looks for faults, or only reports them. A weaker check
# changes nothing that a test can see.
ONLY_TELL = {"ASSERT", "CHECKED", "panic", "boot_refuse", "printk", "TRACE", "must_fit"}
CHECKS = {"hwbp/check.c", "hwbp/panic.c", "hwbp/trace.c"}
CHECKING = {"dr_check", "recount", "check_locked", "hwbp_check_slots", "print_table",
            "claims_print", "must_fit", "moment", "panic_describe_task"}


@dataclass(frozen=True)
class Fault:
    path: str
    function: str
    start: int  # in the file's text
    end: int
    new: str
    kind: str

    def planted(self, text):
        return text[:self.start] + self.new + text[self.end:]


@dataclass(frozen=True)
class Token:
    text: str
    start: int
    end: int


def tokens(text, start, end):
    found = (Token(m.group(), m.start(), m.end()) for m in TOKEN.finditer(text, start, end))
    return [t for t in found if not t.text.isspace()
            and not t.text.lstrip().startswith(("//", "/*", "#"))]


def closing(words, i):
    """The place of the bracket that closes the one at i."""
    depth = 0
    for n in range(i, len(words)):
        depth += (words[n].text in "([{") - (words[n].text in ")]}")
        if depth == 0:
            return n
    return len(words) - 1


def end_of_statement(words, i):
    """The place of the statement's semicolon."""
    while i < len(words) - 1 and words[i].text != ";":
        i = closing(words, i) + 1 if words[i].text in "([{" else i + 1
    return min(i, len(words) - 1)


def statement_around(words, i):
    """The places of the statement that begins before i; an "if" includes what it governs."""
    first = i
    while words[first].text != "if" and words[first - 1].text not in (";", "{", "}"):
        first -= 1
    last = closing(words, first + 1) + 1 if words[first].text == "if" else first
    last = closing(words, last) if words[last].text == "{" else end_of_statement(words, last)
    return set(range(first, last + 1))


def silent(words):
    """The places of words that only check or tell."""
    places = set()
    for i, word in enumerate(words[:-1]):
        if word.text in ONLY_TELL and words[i + 1].text == "(":
            places |= set(range(i, closing(words, i + 1) + 1))
        if word.text == "DEBUG_BUILD":
            places |= statement_around(words, i)
        if word.text == "if" and words[closing(words, i + 1) + 1].text == "panic":
            places |= statement_around(words, i)
    return places


def is_operand(word):
    return bool(NAME.match(word.text) and word.text not in KEYWORDS or NUMBER.match(word.text)
                or word.text in (")", "]"))


def operators(words):
    for i, word in enumerate(words[1:], 1):
        new = BINARY.get(word.text) if is_operand(words[i - 1]) else None
        if new is None:
            new = OTHER.get(word.text)
        if new is not None:
            yield i, word.start, word.end, new, "operator"


def constants(words):
    for i, word in enumerate(words):
        if NUMBER.match(word.text):
            number = re.match(r"0[xX][0-9a-fA-F]+|\d+", word.text)[0]
            suffix = word.text[len(number):]
            value = int(number, 16 if number[:2] in ("0x", "0X") else 10)
            for other in {value + 1, max(value - 1, 0)} - {value}:
                yield i, word.start, word.end, f"{other}{suffix}", "constant"


def conditions(words):
    for i, word in enumerate(words):
        if word.text == "if":
            start = words[i + 1].end
            yield i, start, start, "true || ", "condition"
        if word.text in ("if", "while"):
            start, last = words[i + 1].end, words[closing(words, i + 1)]
            yield i, start, last.start, "false", "condition"


def statements(words):
    for i in range(1, len(words) - 2):
        before, word, after = words[i - 1].text, words[i], words[i + 1].text
        begins = before in (";", "{", "}", "else", ")")
        if not begins or word.text in KEYWORDS or word.text in ONLY_TELL:
            continue
        if word.text in ("break", "continue") or word.text in ("++", "--", "*") or (
                NAME.match(word.text) and (after in ASSIGNS or after in ("(", "->", ".", "["))):
            yield i, word.start, words[end_of_statement(words, i)].start, "", "statement"


def in_function(path, text, function):
    words = tokens(text, function.body, function.end)
    quiet = silent(words)
    for kind in (operators, constants, conditions, statements):
        for i, start, end, new, name in kind(words):
            if i not in quiet:
                yield Fault(path, function.name, start, end, new, name)


def paths():
    found = [p[len(lab.ROOT) + 1:] for pattern in FILES for p in glob.glob(f"{lab.ROOT}/{pattern}")]
    return sorted(set(found) - CHECKS)


def all_faults():
    """path -> text, and every fault that could be planted."""
    texts, faults = {}, []
    for path in paths():
        with open(f"{lab.ROOT}/{path}", encoding="utf-8") as f:
            texts[path] = f.read()
        for function in cut.functions(texts[path]):
            if function.name not in CHECKING:
                faults += in_function(path, texts[path], function)
    return texts, faults


def compiled(text, flags):
    """The assembly that a source becomes. None: it does not compile."""
    plain = [f for f in flags if f not in ("-g", "-Werror")]
    done = bench.run([*plain, "-w", "-S", "-x", "c", "-", "-o", "-"], cwd=lab.ROOT, given=text)
    return None if done.returncode else done.stdout

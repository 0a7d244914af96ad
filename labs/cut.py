# Finds and replaces the functions of a C file.
#
# Of C it knows only comments, strings and brackets, so a student's file may have any format. Every
# search must have exactly one result, otherwise it raises CutError. So a lab that no longer fits
# the kernel fails at once.
import re

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
                   r'|^[ \t]*#(?:\\\n|[^\n])*|[A-Za-z_]\w*|[{}();=,]|\s+|.', re.S | re.M)
COMMENT = ("//", "/*", "#")
NO_NAME = {"__attribute__", "if", "for", "while", "switch", "return", "sizeof", "aligned",
           "section"}
NAME = re.compile(r"[A-Za-z_]\w*$")


class CutError(Exception):
    """A function, or a place in it, is missing or exists more than once."""


class Function:
    """Where a function is in its text: its first character, its "{", and the end."""

    def __init__(self, name, start, body, end):
        self.name, self.start, self.body, self.end = name, start, body, end


class Scanner:
    """Reads the tokens outside of function bodies, one after the other."""

    def __init__(self):
        self.found, self.depth = [], 0
        self.begin()

    def begin(self, start=None):
        self.start, self.round, self.name, self.last = start, 0, None, None
        self.has_arguments = self.is_data = False

    def take(self, token, start, end):
        if self.depth:
            self.inside(token, end)
            return
        if self.start is None:
            self.begin(start)
        if token == "(":
            if self.round == 0 and self.name is None and self.last not in NO_NAME:
                self.name = self.last
            self.round += 1
        elif token == ")":
            self.round -= 1
            self.has_arguments = self.round == 0
        elif self.round == 0 and token == "=":
            self.is_data = True
        elif self.round == 0 and token == ";":
            self.start = None
        elif self.round == 0 and token == "{":
            self.depth, self.body = 1, start
        self.last = token if NAME.match(token) else None

    def inside(self, token, end):
        self.depth += (token == "{") - (token == "}")
        if self.depth:
            return
        # A struct or an initialiser goes on to its ";".
        if self.name and self.has_arguments and not self.is_data:
            self.found.append(Function(self.name, self.start, self.body, end))
            self.start = None


def functions(text):
    """All function definitions, in order."""
    scanner = Scanner()
    for match in TOKEN.finditer(text):
        token = match.group()
        if not token.isspace() and not token.lstrip().startswith(COMMENT):
            scanner.take(token, match.start(), match.end())
    return scanner.found


def find(text, name):
    hits = [f for f in functions(text) if f.name == name]
    if len(hits) != 1:
        raise CutError(f"{len(hits)} functions are named {name}")
    return hits[0]


def whole(text, name):
    f = find(text, name)
    return text[f.start:f.end]


def length(text, name):
    """The number of lines inside the braces."""
    f = find(text, name)
    return text[f.body:f.end].count("\n") - 1


def replaced(text, name, new):
    """Returns the text with another function, or a prototype, in place of `name`."""
    f = find(text, name)
    return text[:f.start] + new + text[f.end:]


def with_body(text, name, body):
    f = find(text, name)
    return text[:f.body] + body + text[f.end:]


def prototype(text, name):
    """The prototype of a function, visible to other files."""
    f = find(text, name)
    return public(text[f.start:f.body]).rstrip() + ";"


def public(function):
    """The function, visible to other files."""
    return re.sub(r"\A(static\s+|inline\s+)+", "", function)


def edited(text, name, old, new):
    """Returns the text with one place changed, inside the function `name` (None: anywhere)."""
    f = find(text, name) if name else Function(None, 0, 0, len(text))
    inside = text[f.start:f.end]
    if inside.count(old) != 1:
        raise CutError(f"{name or 'the file'}: {inside.count(old)} places say {old!r}")
    return text[:f.start] + inside.replace(old, new) + text[f.end:]


def without_comments(text):
    """For comparisons: no comments, and one blank between two tokens."""
    tokens = (m.group() for m in TOKEN.finditer(text))
    return " ".join(t for t in tokens if not t.isspace() and not t.startswith(("//", "/*")))

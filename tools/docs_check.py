# Runs the commands that the pages show, and compares the output. A comment before a block, which
# readers do not see, says how:
#
#   <!-- run -->                  `$ ` begins a shell command, the rest is its output
#   <!-- session: COMMAND -->     COMMAND's output, and after each prompt the typed line
#   <!-- session goes on -->      the next part of the session, after some prose
#   <!-- file: NAME -->           the block is this file
#   <!-- in a copy: COMMAND -->   no block: the blocks below run in a copy of the tree, in which
#                                 COMMAND has run; slow, unless it is for a tour
#   <!-- not run: REASON -->
#
# Options follow after semicolons: "numbers vary" (and widths of blanks), "/REGEX/ varies", "lines
# left out" (of the output), "slow" (only for `make docs-check`), "tour NAME" (the session is a tour
# of `make web`, too). A line "..." stands for any lines, "..." in a line for any text. If a typed
# address was in an output above, the real address of this run is typed.
#
#   docs_check.py [--quick] [--print] [PAGE...]
#
# prints one line for each block that differs, and with --print also the whole output.
import glob
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

import settings

MARK = re.compile(r"<!-- (run|session|file|in a copy|not run)(?: goes on)?(?:: (.*?))?"
                  r"((?:; [^;]+)*) -->$")
OPTION = re.compile(r"numbers vary|lines left out|slow|tour \w+|/(.*)/ varies")
PROMPT = re.compile(r"^(\(gdb\) |<bochs:\d+> |dr7(?::\S+)?\$ |\(dbg\) )(.*)$")
PROMPT_AT_END = re.compile(rb"(?:^|\n)(?:\(gdb\) |<bochs:\d+> |\(dbg\) )$")
NUMBER = re.compile(r"0x[0-9a-f]+(?::0x[0-9a-f]+)?|(?<=\+)[0-9a-f]+\b|\b[0-9a-f_]*\d[0-9a-f_]*\b")
LIMIT, SLOW_LIMIT = 300, 3600
# Parts of build/ that are copied, so that a copy of the tree builds faster. Downloads are shared.
BUILT = ["obj", "debug", "core", "include", "user", "host", "tools", "compare"]
SHARED = ["linux", "linux-source", "perf-tool", "debian"]
ENVIRONMENT = settings.without_settings()  # the pages assume no settings
ENVIRONMENT["COLUMNS"] = "1000"  # gdb folds no lines
ENVIRONMENT["TIMEOUT"] = "1800"  # for a machine: this computer may have other work


class Block:
    """A marked block of a page."""
    def __init__(self, page, line, mark, text):
        self.page, self.line, self.text = page, line, text
        self.kind, self.what, self.goes_on = mark[1], mark[2] or "", " goes on" in mark[0]
        self.options = [o.strip() for o in mark[3].split(";") if o.strip()]
        self.limit = SLOW_LIMIT if "slow" in self.options else LIMIT  # seconds for one answer


def blocks_of(page):
    """Returns the marked blocks, each fenced or indented by four blanks."""
    with open(page, encoding="utf-8") as f:
        lines = f.read().split("\n")
    found, at = [], 0
    while at < len(lines):
        mark = MARK.match(lines[at])
        at += 1
        if not mark:
            continue
        options = mark[3]
        while not lines[at]:
            at += 1
        start, text = at, []
        if mark[1] == "in a copy":
            pass
        elif lines[at].startswith("```"):
            at += 1
            while not lines[at].startswith("```"):
                text.append(lines[at])
                at += 1
        else:
            while at < len(lines) and (not lines[at] or lines[at].startswith("    ")):
                text.append(lines[at][4:])
                at += 1
            while text and not text[-1]:
                text.pop()
        block = Block(page, start + 1, mark, text)
        unknown = [o for o in block.options if not OPTION.fullmatch(o)]
        if unknown:
            sys.exit(f"dr7: {page}:{start}: not an option: {unknown[0]}")
        found.append(block)
    return found


# ---- the output that is shown, and the real output ----

def parts(text, prompt):
    """Pairs of a typed line and the lines that answer. The first pair has no typed line."""
    pairs, more = [["", []]], False
    for line in text:
        typed = prompt.match(line)
        if more:
            pairs[-1][0] += "\n" + line
        elif typed:
            pairs.append([typed.groups()[-1], []])
        else:
            pairs[-1][1].append(line)
            continue
        more = line.endswith("\\")
    return pairs


def digits(number):
    return re.sub("0x|[:_]", "", number).lstrip("0")


def varied(line, options):
    for varies in (m[1] for m in map(OPTION.fullmatch, options) if m[1]):
        line = re.sub(varies, "#", line)
    return line.expandtabs().rstrip()


def normal(line, options):
    return " ".join(NUMBER.sub("#", line).split()) if "numbers vary" in options else line


def fits(shown, came, options):
    """One line."""
    pieces = [re.escape(normal(p, options)) for p in varied(shown, options).split("...")]
    blank = r"\s*.*\s*" if "numbers vary" in options else ".*"
    return re.fullmatch(blank.join(pieces), normal(varied(came, options), options)) is not None


def compare(typed, shown, came, options, learned, seen=None):
    """Returns what is wrong ("": nothing) with an answer. Adds numbers that vary to `learned`, and
    the lines that are as shown to the list `seen`."""
    if "--print" in sys.argv:
        print("\n".join(["---- " + typed, *came]))
    at, skip = 0, "lines left out" in options
    came = [line for line in came if line.strip()]
    for line in (line for line in shown if line.strip()):
        if line.strip() == "...":
            skip = True
            continue
        start = at
        while at < len(came) and skip and not fits(line, came[at], options):
            at += 1
        if at == len(came) or not fits(line, came[at], options):
            got = came[start] if start < len(came) else "the end"
            return f"{line.strip()!r} is shown, {got.strip()!r} came"
        learned.update(zip(*[map(digits, NUMBER.findall(text)) for text in (line, came[at])]))
        if seen is not None:
            seen.append(came[at].strip())
        at, skip = at + 1, "lines left out" in options
    return "" if skip or at == len(came) else f"{came[at].strip()!r} came, too"


def as_now(typed, learned):
    """A command with the addresses of this run."""
    def now(m):
        found = learned.get(digits(m[0])) if len(m[0]) > 3 else None
        return m[0] if found is None else "0x" * m[0].startswith("0x") + found
    return NUMBER.sub(now, typed)


# ---- running ----

def run_block(block, folder, learned):
    for typed, shown in parts(block.text, re.compile(r"^(\$) (.*)$"))[1:]:
        try:
            done = subprocess.run(["bash", "-c", as_now(typed, learned)], cwd=folder, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  env=ENVIRONMENT, stderr=subprocess.STDOUT, timeout=block.limit,
                                  errors="replace")
        except subprocess.TimeoutExpired:
            return f"{typed}: it did not end in {block.limit} s"
        wrong = compare(typed, shown,
                        done.stdout.replace("\r", "").split("\n"), block.options, learned)
        if wrong:
            return f"{typed}: {wrong}"
    return ""


class Session:
    """A program that gets typed commands. `seen`: for each command its block, the typed command,
    and the lines that were as shown."""
    def __init__(self, command, folder, limit):
        self.limit, self.seen = limit, []
        self.shell = command.startswith("make run")  # this takes all its lines at once
        self.process = subprocess.Popen(["bash", "-c", command], cwd=folder, env=ENVIRONMENT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def read(self, until_end=False):
        """The lines up to the next prompt."""
        data, end = b"", time.monotonic() + self.limit
        while time.monotonic() < end and (until_end or not PROMPT_AT_END.search(data)):
            if select.select([self.process.stdout], [], [], 1)[0]:
                more = os.read(self.process.stdout.fileno(), 65536)
                if not more:
                    break
                data += more
        text = data.decode(errors="replace").replace("\r", "")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).split("\n")[:None if until_end else -1]

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)  # its own process group
            self.process.wait()


def run_session(blocks, session):
    """Checks the blocks of one session. Returns what is wrong ("": nothing)."""
    learned = {}
    shown = [(b, *pair) for b in blocks for pair in parts(b.text, PROMPT)]
    try:
        if session.shell:
            typed = [t for _, t, _ in shown if t]
            session.process.stdin.write("".join(t + "\n" for t in typed).encode())
            session.process.stdin.close()
            came = parts(session.read(until_end=True), PROMPT)
            answers = iter([came[0][1]] + [lines for _, lines in came[1:]])
        for number, (block, typed, lines) in enumerate(shown):
            if number and not typed:
                if any(lines):
                    return f"{block.page}:{block.line}: lines without a command"
                continue
            if not typed and not lines:
                lines = ["..."]  # its beginning is not shown
            session.seen.append((block, as_now(typed, learned), []))
            if not session.shell and typed:
                session.type(session.seen[-1][1])
            answer = next(answers, []) if session.shell else session.read()
            while answer and answer[0].strip() and typed.endswith(answer[0].strip()):
                del answer[0]  # the rest of a long typed line, which the terminal has wrapped
            wrong = compare(typed, lines, answer, block.options, learned, session.seen[-1][2])
            if wrong:
                return f"{block.page}:{block.line}: {typed or blocks[0].what}: {wrong}"
    except BrokenPipeError:
        return f"{blocks[0].page}:{blocks[0].line}: {blocks[0].what} has ended too early"
    finally:
        session.end()
    return ""


def work_folder(top):
    """Makes a folder that has all of the tree, where new files do no harm."""
    for name in os.listdir("."):
        if name != ".git":
            os.symlink(os.path.abspath(name), os.path.join(top, name))
    return top


def copy_of_tree(top, number, command):
    """Makes a copy of the tree below `top`, and runs the command in it."""
    return copy_tree(f"{top}/copy{number}", command)


def copy_tree(folder, command):
    shutil.copytree(".", folder, symlinks=True, ignore=shutil.ignore_patterns(".git", "build"))
    os.mkdir(folder + "/build")
    for name in os.listdir("build"):
        if name in BUILT:
            shutil.copytree("build/" + name, f"{folder}/build/{name}", symlinks=True)
        elif name in SHARED:
            os.symlink(os.path.abspath("build/" + name), f"{folder}/build/{name}")
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    return folder


def check_block(block, rest, folder, learned):
    """Checks one block. The blocks after it may go on with its session. Returns what is wrong."""
    if block.kind == "file":
        with open(os.path.join(folder, block.what), "w", encoding="utf-8") as f:
            f.write("\n".join(block.text) + "\n")
        return ""
    if block.kind == "run":
        said = run_block(block, folder, learned)
        return f"{block.page}:{block.line}: {said}" if said else ""
    return run_session(with_rest(block, rest), Session(block.what, folder, block.limit))


def with_rest(block, rest):
    """A session's blocks: the first, and the later ones that go on with it."""
    last = next((n for n, b in enumerate(rest) if not b.goes_on), len(rest))
    return [block] + rest[:last]


def check_page(page, quick):
    """Returns lines that say what is wrong, and how many blocks were run."""
    wrong, count, blocks = [], 0, blocks_of(page)
    with tempfile.TemporaryDirectory() as top:
        os.mkdir(top + "/links")
        folder, learned = work_folder(top + "/links"), {}
        for at, block in enumerate(blocks):
            if block.kind == "in a copy":
                if quick and not any(o.startswith("tour ") for b in blocks[at:] for o in b.options):
                    break
                folder, learned = copy_of_tree(top, at, block.what), {}
                for below in blocks[at:]:
                    below.limit = SLOW_LIMIT  # the copy must build
            elif not (block.kind == "not run" or block.goes_on or
                      (quick and "slow" in block.options)):
                count += 1
                said = check_block(block, blocks[at + 1:], folder, learned)
                wrong += [said] if said else []
    return wrong, count


def check(pages, quick):
    wrong, count = [], 0
    # Builds with the flags of the pages' commands, so that none of these builds anything.
    subprocess.run(["make", "-s", "all"], env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    for page in pages:
        found, run = check_page(page, quick)
        wrong += found
        count += run
    return wrong, count


def check_quick():
    """For `make test`. Returns what is wrong ("": nothing), and the same as lines."""
    wrong, _ = check(pages(), quick=True)
    return "; ".join(wrong), wrong


def pages():
    return ["README.md", *sorted(glob.glob("docs/*.md")), *sorted(glob.glob("labs/*.md")),
            *sorted(glob.glob("labs/*/README.md"))]


def main():
    named = [a for a in sys.argv[1:] if not a.startswith("--")]
    wrong, count = check(named or pages(), "--quick" in sys.argv)
    print("\n".join(wrong + [f"docs: {count} blocks run, {len(wrong)} are not as shown"]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

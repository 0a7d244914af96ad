# The guided tours of the page: sessions in the texts with the mark "tour NAME"
# (tools/docs_check.py), and the prose around them. Each session is run here in the page's machine,
# so it has the addresses of this build. If the answers differ from the text, the tour is left out.
import html
import re
import shlex
import sys

import docs_check

COMMAND = re.compile(r"make bochs (CORE=1 DEBUG=1 )?APPEND=(.*)$")
LAB = "first_db"       # its kernel is the second machine: the core with the solution
CORE = "core.pack.gz"  # the page's pack of that machine
WORDS = ["init=/bin/init", "watchdog=0"]  # tools/debug.py
TOUR = re.compile(r"tour (\w+)")
LIMIT = 300  # seconds for one answer
HEADING = re.compile(r"^#+ (.*)")


def command_line(append):
    """The kernel's command line, as in `make bochs APPEND=`."""
    words = WORDS + shlex.split(append)
    return " ".join(words if "--" in words else [*words, "--"])


def as_html(lines):
    """Translates prose: paragraphs, blocks that are indented by four, `code` and **words**."""
    parts = re.split(r"\n\n+(?=\S)", "\n".join(lines).strip("\n"))
    made = []
    for text in filter(str.strip, parts):
        prose, *block = re.split(r"\n*(?=^    )", text, maxsplit=1, flags=re.M)
        prose = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(prose, quote=False))
        prose = re.sub(r"\*\*(.*?)\*\*", r"<b>\1</b>", prose, flags=re.S)
        made.append(f"<p>{prose}</p>" * bool(prose.strip()))
        made += [f"<pre>{html.escape(b)}</pre>" for b in block]
    return "".join(made)


def prose(lines, first, end):
    """The prose in these lines of a text, without marks."""
    return as_html(line for line in lines[first:end] if not docs_check.MARK.match(line))


def step(text, lines):
    """`lines`: pairs of a typed line and its output."""
    items = "".join(f"<li><kbd>{html.escape(typed)}</kbd><pre>" + html.escape("\n".join(shown))
                    + "</pre>" for typed, shown in lines)
    return {"html": text + f"<ol>{items}</ol>", "lines": lines}


def steps(lines, blocks, seen):
    """For each block of a session: the prose before it, and its lines. The last step is the prose
    after the last block."""
    first = max(n for n in range(blocks[0].line) if HEADING.match(lines[n]))
    at = first + 1
    for block in blocks:
        yield step(prose(lines, at, block.line - 1),
                   [[typed, shown] for of, typed, shown in seen if of is block and typed])
        at = block.line - 1 + len(block.text)
    end = next((n for n in range(at, len(lines)) if HEADING.match(lines[n])), len(lines))
    if any(map(str.strip, lines[at:end])):
        yield step(prose(lines, at, end), [])


def tour(blocks, run):
    """Returns one tour, or None and prints the reason. `run(words, pack)` is the command that
    answers like Bochs. The pack CORE is the machine with the lab's kernel, and None the one with
    the tree's."""
    first = blocks[0]
    name = next(m[1] for m in map(TOUR.fullmatch, first.options) if m)
    core, append = COMMAND.match(first.what).groups()
    words, pack = command_line(*shlex.split(append)), CORE if core else None
    session = docs_check.Session(run(words, pack), ".", LIMIT)
    wrong = docs_check.run_session(blocks, session)
    if wrong:
        print("dr7: without the tour " + wrong, file=sys.stderr)
        return None
    with open(first.page, encoding="utf-8") as f:
        lines = f.read().split("\n")
    title = next(m[1] for m in map(HEADING.match, reversed(lines[:first.line])) if m)
    return {"name": name, "title": title, "words": words, "pack": pack,
            "steps": list(steps(lines, blocks, session.seen))}


def in_node(worker, wasm, machines):
    """Returns `run` for the page's machine in node."""
    return lambda words, pack: shlex.join([
        "node", "tools/web/session.cjs", worker, wasm, machines[pack].parts,
        machines[pack].snapshot, words])


def made(run):
    """All tours."""
    found = []
    for page in docs_check.pages():
        blocks = docs_check.blocks_of(page)
        found += [tour(docs_check.with_rest(block, blocks[at + 1:]), run)
                  for at, block in enumerate(blocks) if any(map(TOUR.fullmatch, block.options))]
    return [t for t in found if t]

# The guided tours of the page: the sessions in the texts whose mark says "tour NAME"
# (tools/docs_check.py), with the prose around them. Each is run here as the page will run it: so it
# has the addresses of this build. One that a changed kernel answers otherwise is left out.
import html
import re
import shlex
import sys

import docs_check

COMMAND = re.compile(r"make bochs (CORE=1 DEBUG=1 )?APPEND=(.*)$")
LAB = "first_db"       # its kernel is the second machine: the core, with the staff's functions
CORE = "core.pack.gz"  # what the page has of that machine
WORDS = ["init=/bin/init", "watchdog=0"]  # tools/debug.py
TOUR = re.compile(r"tour (\w+)")
LIMIT = 300  # seconds for one answer
HEADING = re.compile(r"^#+ (.*)")


def command_line(append):
    """The kernel's, as `make bochs APPEND=` has it."""
    words = WORDS + shlex.split(append)
    return " ".join(words if "--" in words else [*words, "--"])


def as_html(lines):
    """Prose: paragraphs, blocks that are indented by four, `code` and **words**."""
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
    """Of a text's lines, without marks."""
    return as_html(line for line in lines[first:end] if not docs_check.MARK.match(line))


def step(text, lines):
    """`lines`: pairs of what is typed and what is seen then."""
    items = "".join(f"<li><kbd>{html.escape(typed)}</kbd><pre>" + html.escape("\n".join(shown))
                    + "</pre>" for typed, shown in lines)
    return {"html": text + f"<ol>{items}</ol>", "lines": lines}


def steps(lines, blocks, seen):
    """For each block of a session what stands before it, and its lines. At the end stands what is
    behind the last one."""
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
    """One tour, or None, and a line that says why. `run(words, pack)` is the command that answers
    as Bochs does; the machine of the pack CORE has the lab's kernel, that of None the tree's."""
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
    """The page's machine as `run`."""
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

# What is wrong with the prose: Markdown lines that are too wide, links that lead nowhere, and names
# of files, in pages and in comments, that do not exist. tools/lint.py calls it.
import os
import re

MAX_COLUMNS = 100
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ (.*)")
FENCE = re.compile(r"^\s*```")
NAMED = re.compile(r"(?<![\w/.-])((?:boot|kernel|arch/x86|perf|hwbp|sched|linux|debug|user|test|"
                   r"docs|labs|tools)/[\w/-]+\.(?:c|h|asm|py|md|txt|sh|cfg))\b")
MADE = re.compile(r"<!-- file: (\S+)")  # the page shows what is in it
PROMPT = re.compile(r"^(?:    )?(?:\$ |\(gdb\) |\(dbg\) |<bochs:\d+> |dr7(?::\S+)?\$ )")
SYSTEM_HEADERS = ["/usr/include", "/usr/include/x86_64-linux-gnu"]  # <linux/perf_event.h>


def anchors(path):
    """The names by which headings can be linked to, as GitHub makes them."""
    with open(path, encoding="utf-8") as f:
        titles = [HEADING.match(line)[1] for line in f if HEADING.match(line)]
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def is_prose(line, fenced):
    """Not a table, not shown output, and not one word that cannot be broken."""
    return not (fenced or line.startswith(("|", "    ", "<")) or " " not in line.strip())


def check_links(path, where, line, fault):
    for target, anchor in LINK.findall(line):
        if "://" in target:
            continue
        there = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        if not os.path.exists(there):
            fault(where, f"link to {target}, which does not exist")
        elif anchor and there.endswith(".md") and anchor[1:] not in anchors(there):
            fault(where, f"link to {target}{anchor}: no such heading")


def check_names(where, text, fault, made=()):
    """`made`: names of files that the page itself makes."""
    for name in NAMED.findall(text):
        places = [name] + [os.path.join(d, name) for d in SYSTEM_HEADERS]
        if not ("NAME" in name or name in made or any(map(os.path.exists, places))):
            fault(where, f"{name} does not exist")


def unmarked_commands(lines):
    """Numbers of the lines where a block with commands begins that no comment is above."""
    fenced, in_block, start, marked = False, False, 0, False
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line) is not None
        was, fenced = fenced, fenced ^ fence
        code = was or fenced or line.startswith("    ") or (in_block and not line)
        if code and not in_block:
            above = [text for text in lines[:number - 1] if text][-1:]
            start, marked = number, bool(above and above[0].startswith("<!-- "))
        in_block = code
        if code and PROMPT.match(line) and not marked:
            marked = True  # once is enough
            yield start


def check_page(path, lines, fault):
    fenced = False
    made = [MADE.match(line)[1] for line in lines if MADE.match(line)]
    # A lab's own page is for its starter, which is another tree.
    for number in unmarked_commands(lines) if path.count("/") < 2 else []:
        fault(f"{path}:{number}", "commands, and no comment how to run them: tools/docs_check.py")
    for number, line in enumerate(lines, 1):
        where = f"{path}:{number}"
        fenced ^= bool(FENCE.match(line))
        if len(line) > MAX_COLUMNS and is_prose(line, fenced):
            fault(where, f"{len(line)} columns, over {MAX_COLUMNS}")
        check_links(path, where, line, fault)
        if not fenced:
            check_names(where, line, fault, made)


def check_comments(path, lines, fault):
    for number, line in enumerate(lines, 1):
        if "//" in line:
            check_names(f"{path}:{number}", line.split("//", 1)[1], fault)

# Finds faults of the prose: Markdown lines that are too wide, links without a target, and names of
# files, in pages and comments, that do not exist. tools/lint.py calls it.
import os
import re

MAX_COLUMNS = 100
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ (.*)")
FENCE = re.compile(r"^\s*```")
NAMED = re.compile(r"(?<![\w/.-])((?:boot|kernel|arch/x86|perf|hwbp|sched|linux|debug|user|test|"
                   r"docs|labs|tools)/[\w/-]+\.(?:c|h|asm|py|md|txt|sh|cfg))\b")
MADE = re.compile(r"<!-- file: (\S+)")  # the page shows the file's content
REFUSED, CALLS = "docs/compat.md", "linux/proc/syscall.c"
REFUSED_QUIETLY = "// C libraries, busybox and perf try these"  # not supported from here on
LAST_CALL = 450  # the newest call when the table was written
PROMPT = re.compile(r"^(?:    )?(?:\$ |\(gdb\) |\(dbg\) |<bochs:\d+> |dr7(?::\S+)?\$ )")
SYSTEM_HEADERS = ["/usr/include", "/usr/include/x86_64-linux-gnu"]  # <linux/perf_event.h>


def anchors(path):
    """The names for links to headings, as GitHub makes them."""
    with open(path, encoding="utf-8") as f:
        titles = [HEADING.match(line)[1] for line in f if HEADING.match(line)]
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def is_prose(line, fenced):
    """True if the line is no table, no shown output, and not a single word."""
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
    """Checks the names of files in a text. `made`: files that the page itself makes."""
    for name in NAMED.findall(text):
        places = [name] + [os.path.join(d, name) for d in SYSTEM_HEADERS]
        if not ("NAME" in name or name in made or any(map(os.path.exists, places))):
            fault(where, f"{name} does not exist")


def unmarked_commands(lines):
    """Yields the line of each block that has commands, but no comment above it."""
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
    # A lab's own page is about its starter, which is another tree.
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


def names_of_calls(path, pattern, before="", last=None):
    """The names that the pattern finds in the part of a file before a text. `last`: only names
    whose second group, a number, is at most this."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    found = re.findall(pattern, text[:text.index(before)] if before else text)
    return {name for name, number in found if int(number) <= last} if last else set(found)


def check_calls(fault):
    """Checks that each Linux call up to LAST_CALL is either in the kernel's list or in the page's
    table."""
    linux = names_of_calls(SYSTEM_HEADERS[1] + "/asm/unistd_64.h", r"#define __NR_(\w+) (\d+)",
                           last=LAST_CALL)
    ours = names_of_calls(CALLS, r"(?:\bSYS_|\b[A-Z_]+\()(\w+)(?=\W)", before=REFUSED_QUIETLY)
    with open(REFUSED, encoding="utf-8") as f:
        table = f.read().split("## Calls that are not there", 1)[1]
    refused = {name for row in re.findall(r"^\|[^|]*\|([^|]*)\|", table, re.M)
               for name in re.findall(r"`(\w+)`", row)}
    for name in sorted(linux - ours - refused):
        fault(REFUSED, f"{name} is refused, and not named")
    for name in sorted(refused & ours):
        fault(REFUSED, f"{name} is named, and is there")
    for name in sorted(refused - linux):
        fault(REFUSED, f"{name}: Linux has no such call")


def check_comments(path, lines, fault):
    for number, line in enumerate(lines, 1):
        if "//" in line:
            check_names(f"{path}:{number}", line.split("//", 1)[1], fault)

# Checks what a compiler does not check: formatting, the direction of includes between folders, file
# sizes. Prints one line per fault and fails if there is any.
import re
import subprocess
import sys

import lint_docs
import size

MAX_LINES = 500
MAX_COLUMNS = 100
PNG = b"\x89PNG"  # a screenshot has no source
MAX_FUNCTION = 40  # lines between the braces; see REASON
MAX_ASM_FILES = 6
MAX_CODE = {"the core": (size.CORE, 8000), "the whole kernel": (size.WHOLE, 27400)}  # lines
CLANG_FORMAT = 14  # other versions format differently
REASON = "long because"  # in one of the first lines: why the file may be longer

# folder -> the other folders whose headers it may include. The longest match counts.
GROUND = ["arch/x86", "kernel/base", "kernel/mm"]
# The folders of the roof, from the bottom up: each may include those before it.
ROOMS = ["linux/base", "linux/sched", "linux/mm", "linux/perf", "linux/task", "linux/fs",
         "linux/ptrace", "linux/proc", "debug"]
FLOOR = GROUND + ["sched", "perf", "hwbp", "kernel/checks"]
ROOF = ["arch/x86/user", "arch/x86/svm", "kernel", *ROOMS]
KERNEL = FLOOR + ROOF
MAY_INCLUDE = {
    "arch/x86": [],
    "arch/x86/user": ["arch/x86"],
    "arch/x86/svm": ["arch/x86"],
    "kernel/base": ["arch/x86"],
    "kernel/mm": ["arch/x86", "kernel/base"],
    "sched": GROUND,
    "perf": GROUND + ["sched"],
    "hwbp": GROUND + ["sched", "perf"],
    "kernel/checks": FLOOR,  # debug builds
    "kernel": KERNEL + ["test/kernel"],
    "kernel/core": FLOOR + ["test/kernel"],
    "test": KERNEL + ["test"],
    "test/kernel": KERNEL + ["test"],
    "test/host": KERNEL + ["test"],
    "test/user": ["user"],
    "test/compare": ["user"],
    "test/bench": ["user"],
    "test/fuzz": ["user"],
    "user": [],
    "labs": KERNEL + ["user", "test/compare"],
}
for number, room in enumerate(ROOMS):
    MAY_INCLUDE[room] = FLOOR + ["arch/x86/user", "arch/x86/svm"] + ROOMS[:number]
CHECKED = ("arch/", "kernel/", "sched/", "perf/", "hwbp/", "linux/", "debug/")
NO_ASM = ("kernel/", "sched/", "perf/", "hwbp/", "linux/", "debug/")  # only C here

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
INLINE_ASM = re.compile(r"(?<!<)\b(__asm__|asm)\b")  # but not #include <asm/...>

faults = 0


def fault(where, what):
    global faults
    faults += 1
    print(f"{where}: {what}")


def folder_of(path):
    """The longest folder of MAY_INCLUDE that holds this file, or None."""
    homes = [f for f in MAY_INCLUDE if path.startswith(f + "/")]
    return max(homes, key=len, default=None)


def check_include(path, number, name):
    home, target = folder_of(path), folder_of(name)
    if home is None:
        fault(f"{path}:{number}", "this folder has no line in tools/lint.py")
    elif target is None:
        fault(f"{path}:{number}", f'"{name}" is not named from the root')
    elif target != home and target not in MAY_INCLUDE[home]:
        fault(f"{path}:{number}", f"{home} must not include {target}")


def check_functions(path, lines):
    """No function of the kernel is long, unless the comment above it says why."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            above = lines[max(start - 8, 0):start]
            if number - start - 1 > MAX_FUNCTION and not any(REASON in a for a in above):
                fault(f"{path}:{start}", f"{number - start - 1} lines, over {MAX_FUNCTION}")
            start = None


def check_text(path):
    with open(path, "rb") as f:
        data = f.read()
    if data.startswith(PNG) and path.startswith("docs/pictures/"):
        return
    if b"\0" in data:
        return fault(path, "a binary file")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return fault(path, "not UTF-8")
    lines = text.split("\n")
    if not text.endswith("\n"):
        fault(path, "no newline at the end")
    if path.endswith((".c", ".h", ".asm", ".py", ".ld", ".sh")):
        if len(lines) - 1 > MAX_LINES and not any(REASON in line for line in lines[:5]):
            fault(path, f"{len(lines) - 1} lines, over {MAX_LINES}")
    if path.endswith(".c") and path.startswith(CHECKED):
        check_functions(path, lines)
    if path.endswith(".md"):
        lint_docs.check_page(path, lines, fault)
    elif path.endswith((".c", ".h")):
        lint_docs.check_comments(path, lines, fault)
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS and not path.endswith((".md", ".svg")):
            fault(f"{path}:{number}", f"{len(line)} columns, over {MAX_COLUMNS}")
        if line != line.rstrip() and not path.endswith(".md"):
            fault(f"{path}:{number}", "blanks at the end of the line")
        if UNFINISHED.search(line):
            fault(f"{path}:{number}", "unfinished: " + line.strip())
        if path.endswith((".c", ".h")):
            if INCLUDE.match(line):
                check_include(path, number, INCLUDE.match(line)[1])
            if path.startswith(NO_ASM) and INLINE_ASM.search(line.split("//")[0]):
                fault(f"{path}:{number}", "inline assembly outside arch/x86")


def check_format(paths):
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    if f"version {CLANG_FORMAT}." not in version:
        print(f"formatting not checked: clang-format {CLANG_FORMAT} is wanted, this is {version}")
        return
    done = subprocess.run(["clang-format", "--dry-run", "-Werror"] + paths,
                          capture_output=True, text=True)
    wrong = {line.split(":")[0] for line in done.stderr.split("\n") if ": error:" in line}
    for path in sorted(wrong):
        fault(path, "not as clang-format has it (make format)")


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=True).stdout.split()
    for path in listed:
        check_text(path)
        if path.endswith(".py"):
            with open(path, encoding="utf-8") as f:
                compile(f.read(), path, "exec")
        elif path.endswith(".sh") and subprocess.run(["bash", "-n", path]).returncode:
            fault(path, "bash cannot read it")
    lint_docs.check_calls(fault)
    asm = [p for p in listed if p.endswith(".asm")]
    if len(asm) > MAX_ASM_FILES:
        fault("NASM", f"{len(asm)} files, over {MAX_ASM_FILES}: " + " ".join(asm))
    for name, (folders, most) in MAX_CODE.items():
        if size.code_lines(folders) > most:
            fault(name, f"{size.code_lines(folders):,} lines of code, over {most:,} (make size)")
    for line in subprocess.run([sys.executable, "-B", "tools/pictures.py", "--check"],
                               capture_output=True, text=True).stdout.splitlines():
        fault(*line.split(": ", 1))
    check_format([p for p in listed if p.endswith((".c", ".h"))])
    print(f"lint: {len(listed)} files, {faults} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

# Uses the linker to prove that the floor calls the roof only by its upcalls.
#
#   upcalls.py NM FLOOR.o     FLOOR.o: all objects of the floor, linked by ld -r
#
# The undefined symbols of FLOOR.o must be exactly those that the floor's upcalls.h files declare as
# answered by a file of the roof. Symbols that they declare as answered in the floor must be in
# FLOOR.o.
import glob
import re
import subprocess
import sys

MAX_UPCALLS = 28
FLOOR = ("arch/x86/", "kernel/base/", "kernel/mm/", "sched/", "perf/", "hwbp/", "kernel/checks/")
ROOF = ("arch/x86/user/", "arch/x86/svm/")  # although they are in arch/
OF_THE_IMAGE = re.compile(r"__\w+_(start|end)|ksym_\w+")  # linker.ld and tools/ksyms.py define them

ANSWERS = re.compile(r"^// ([\w/]+\.(?:c|asm))\b")
DECLARED = re.compile(r"^(?!typedef|struct \w+;)[a-z].*?\b(\w+)(?:\(.*|;)$")


def in_floor(path):
    return path.startswith(FLOOR) and not path.startswith(ROOF)


def declared():
    """All upcalls of the floor: name -> the file that answers."""
    found, problems = {}, []
    for header in glob.glob("*/**/upcalls.h", recursive=True):
        if not in_floor(header):
            continue
        answer, before = None, ""
        with open(header, encoding="utf-8") as f:
            for line in f:
                if ANSWERS.match(line) and not before.startswith("//"):
                    answer = ANSWERS.match(line)[1]
                elif DECLARED.match(line):
                    found[DECLARED.match(line)[1]] = answer
                    if not answer:
                        problems.append(f"{header}: {line.strip()}: no comment says who answers")
                before = line
    return found, problems


def symbols(nm, floor):
    """The symbols that the object defines, and those that it leaves undefined."""
    listed = subprocess.run([nm, floor], capture_output=True, text=True, check=True).stdout
    defined, undefined = set(), set()
    for line in listed.splitlines():
        kind, name = line.split()[-2:]
        (undefined if kind == "U" else defined).add(name)
    return defined, {name for name in undefined if not OF_THE_IMAGE.fullmatch(name)}


def main():
    upcalls, problems = declared()
    defined, undefined = symbols(*sys.argv[1:])
    above = {name for name, answer in upcalls.items() if answer and not in_floor(answer)}
    problems += [f"{name}: the floor asks for it, and no upcalls.h of the floor declares it"
                 for name in sorted(undefined - above)]
    problems += [f"{name}: an upcall that nothing in the floor asks for"
                 for name in sorted(above - undefined)]
    problems += [f"{name}: {upcalls[name]} does not have it"
                 for name in sorted(set(upcalls) - above - defined)]
    if len(above) > MAX_UPCALLS:
        problems.append(f"{len(above)} upcalls leave the floor, over {MAX_UPCALLS}")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

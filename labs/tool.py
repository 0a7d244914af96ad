# Does `make lab`, `make lab-grade`, `make labs-check` and `make labs-times`, and in a starter `make
# grade`, `make try` and `make zipball`. The make variables are in the environment.
import importlib
import os
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from labs import cut, formats, lab, sheet  # noqa: E402
from labs.bench import Broken  # noqa: E402

MAX_FILE = 1 << 20  # of a hand-in, in bytes
ZIPBALL = "hand-in.zip"


def variable(name, otherwise=""):
    return os.environ.get(name) or otherwise


def make_lab():
    """Makes a starter for one student. Without L=, prints the list of labs."""
    if not variable("L"):
        for name in lab.names():
            module = lab.staff(name)
            print(f"{name:12} {module.TITLE:28} {module.HOURS} h   needs: {module.NEEDS}")
        return
    if not variable("OUT"):
        sys.exit("dr7: OUT= must name the new folder")
    student, module = variable("ID", lab.PUBLIC), lab.staff(variable("L"))
    module.KIND.hand_out(module, variable("OUT"), student)
    print(f"{variable('OUT')}: the starter of {student}; {module.FILE} is to be written")


def lab_solution():
    """Writes the staff's functions of the lab L= into the current folder, which is a copy of the
    tree."""
    from labs import starter  # a starter itself has none
    module = lab.staff(variable("L"))
    for path, text in starter.edited_files(module, module.PUBLIC).items():
        starter.write("./" + path, text)


def hand_in_text(path, wanted):
    """Returns the text of the lab's file, from a zip archive, a folder, or the file itself."""
    if os.path.isdir(path):
        whole = f"{path}/{wanted}"
        path = whole if os.path.exists(whole) else f"{path}/{os.path.basename(wanted)}"
    try:
        if not zipfile.is_zipfile(path):
            with open(path, "rb") as f:
                data = f.read(MAX_FILE + 1)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(wanted) as f:
                data = f.read(MAX_FILE + 1)
    except (OSError, KeyError, zipfile.BadZipFile) as problem:
        sys.exit(f"dr7: FILE={path}: {problem}")
    if len(data) > MAX_FILE:
        sys.exit(f"dr7: FILE={path}: {wanted} is too long")
    return data.decode(errors="replace")


def show(report):
    name = variable("FORMAT", "text")
    if name not in formats.FORMATS:
        sys.exit(f"dr7: FORMAT= is one of {' '.join(formats.FORMATS)}")
    text = formats.FORMATS[name](report)
    if variable("OUT"):
        with open(variable("OUT"), "w", encoding="utf-8") as f:
            f.write(text)
    else:
        sys.stdout.write(text)


def lab_grade():
    """Grades the hand-in FILE= of the student ID=; the report goes to OUT= or is printed."""
    if not variable("L") or not variable("FILE"):
        sys.exit("dr7: L= names the lab and FILE= the hand-in")
    student, module = variable("ID", lab.PUBLIC), lab.staff(variable("L"))
    text = hand_in_text(variable("FILE"), module.FILE)
    show(module.KIND.grade(module, student, text, variable("SEED")))


def labs_check():
    """Checks each lab, or only the lab L=. With F=, only prints the row of that mistake."""
    names, bad = [variable("L")] if variable("L") else lab.names(), []
    for name in names:
        print(f"# {name}", flush=True)
        module = lab.staff(name)
        bad += [f"{name}: {line}" for line in module.KIND.check(module, variable("F"))]
    for line in bad:
        print("not ok " + line)
    print(f"{len(names)} labs, {len(bad)} faults")
    sys.exit(1 if bad else 0)


def labs_times():
    """Prints how long a grade takes, as the table of labs/README.md: for each lab, or for the lab
    L=."""
    print("| lab | starter: seconds | processor | solution: seconds | processor |\n"
          "| --- | --: | --: | --: | --: |", flush=True)
    for name in [variable("L")] if variable("L") else lab.names():
        module = lab.staff(name)
        cells = [f"{n:.0f}" for r in module.KIND.ends(module) for n in (r.seconds, r.processor)]
        print(f"| `{name}` | {' | '.join(cells)} |", flush=True)


# ---- In a starter ----

def starter_grade(only=None):
    mine = lab.load(".")
    if only is not None and only not in mine.functions:
        sys.exit(f"dr7: F= is one of {' '.join(mine.functions)}")
    grader = importlib.import_module("labs." + mine.grader)
    show(grader.grade(mine, ".", hand_in_text(mine.file, mine.file), variable("SEED", "public"),
                      only))


def zipball():
    """Makes the archive to hand in: the files, and the name of their starter."""
    mine = lab.load(".")
    files = list(dict.fromkeys([mine.file, sheet.SHEET]))
    commit = subprocess.run(["git", "rev-list", "--max-parents=0", "HEAD"], capture_output=True,
                            text=True).stdout.strip()
    with zipfile.ZipFile(ZIPBALL, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path)
        archive.writestr("starter.txt", f"{mine.name} {mine.student} {commit}\n")
    print(f"{ZIPBALL}: {', '.join(files)}")


def main():
    verbs = {"lab": make_lab, "lab-solution": lab_solution, "lab-grade": lab_grade,
             "labs-check": labs_check, "labs-times": labs_times, "grade": starter_grade,
             "try": lambda: starter_grade(variable("F")), "zipball": zipball}
    try:
        verbs[sys.argv[1]]()
    except cut.CutError as problem:
        sys.exit(f"dr7: the lab no longer fits this kernel: {problem}")
    except Broken as problem:
        sys.exit(f"dr7: {problem}")
    except OSError as problem:
        sys.exit(f"dr7: {problem.filename}: {problem.strerror}")


if __name__ == "__main__":
    main()

# Makes starters. A starter is the kernel's tree without the lab's functions. It has all that the
# student's `make grade` needs, and nothing that shows an answer.
#
# Each lab and set of parameters has one model under build/labs. Students get copies of it, and
# hand-ins are graded in it.
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

from labs import advice, cut, grading, lab, sheet
from labs.bench import BUILD, Broken, compile_host, compile_program, frame, make, must
from labs.bench import only_symbol, run

MODELS = lab.ROOT + "/build/labs"
# The files of labs/ that go into a starter besides the lab's own GIVEN files.
GRADER = ["advice.py", "answers.py", "asker.h", "bench.py", "cut.py", "formats.py", "grading.py",
          "lab.mk", "lab.py", "machine.py", "report.py", "sheet.py", "tool.py"]
# How to compile the staff's functions if the Makefile has no flags for them.
DIRECTLY = {"host": compile_host, "program": compile_program}
# Marks of tools/docs_check.py. They are removed, because a student's code gives other output.
MARK = re.compile(r"^<!-- .* -->\n\n", re.M)
COMMIT = {"GIT_AUTHOR_NAME": "dr7", "GIT_AUTHOR_EMAIL": "dr7@localhost",
          "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z"}
COMMIT.update({k.replace("AUTHOR", "COMMITTER"): v for k, v in COMMIT.items()})


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    """Writes only if the content changes, so that nothing is built without need."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path) or read(path) != text:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def tracked(without=("labs/", "test/museum/")):
    """Returns the files of the kernel's tree, without those that only the staff needs."""
    listed = subprocess.run(["git", "-C", lab.ROOT, "ls-files", "--cached", "--others",
                             "--exclude-standard"], capture_output=True, text=True)
    if listed.returncode:
        sys.exit("dr7: starters are made from a git clone: " + listed.stderr.strip())
    return [p for p in listed.stdout.splitlines()
            if not p.startswith(without) and os.path.isfile(f"{lab.ROOT}/{p}")]


def published(module):
    """path -> text of the files that a lab changes, before its edits: with the public solution."""
    texts = {path: read(f"{lab.HERE}/{module.NAME}/{mine}")
             for path, mine in getattr(module, "NEW", {}).items()}
    if module.FILE not in texts:
        texts[module.FILE] = read(f"{lab.ROOT}/{module.FILE}")
    for path, names in getattr(module, "TAKEN", {}).items():
        text = read(f"{lab.ROOT}/{path}")
        for name in names:
            texts[module.FILE] += "\n" + cut.public(cut.whole(text, name)) + "\n"
            text = cut.replaced(text, name, cut.prototype(text, name))
        texts[path] = text
    return texts


def edited_files(module, params):
    """path -> text of the files that differ from the kernel's: the solution of this lab."""
    texts = published(module)
    edits = list(getattr(module, "EDITS", []))
    edits += module.edits(params) if hasattr(module, "edits") else []
    for path, function, old, new in edits:
        text = texts.get(path) or read(f"{lab.ROOT}/{path}")
        texts[path] = cut.edited(text, function, old, new)
    return texts


def with_stubs(module, text):
    for name, (_, _, stub) in module.FUNCTIONS.items():
        text = cut.with_body(text, name, stub)
    return text


def planted(module, solution, mistake):
    function, old, new, _ = module.MISTAKES[mistake]
    return cut.edited(solution, function, old, new)


class Model:
    """A finished starter, and the staff's data about it."""

    def __init__(self, name, params):
        self.module, self.params = lab.staff(name), params
        self.texts = edited_files(self.module, params)
        self.solution = self.texts[self.module.FILE]
        self.starter = with_stubs(self.module, self.solution)
        variant = "-".join(f"{k}{v}" for k, v in sorted(params.items())) or "one"
        self.tree = f"{MODELS}/{name}/{variant}"

    def files(self):
        """path -> source file, without the files that are written here."""
        paths = {path: f"{lab.ROOT}/{path}" for path in tracked()}
        mine = [(f"labs/{g}", f"{lab.HERE}/{g}") for g in GRADER]
        mine += [(f"labs/{self.module.NAME}/{g}", f"{lab.HERE}/{self.module.NAME}/{g}")
                 for g in self.module.GIVEN]
        return {**paths, **dict(mine)}

    def keeps(self, path):
        """True for a file in the tree that is made here."""
        return path.startswith(("build/", "labs/staff/")) or "__pycache__" in path or \
            path in (lab.STARTER, "README.md", "DR7.md", "answers.txt")

    def remove_old(self):
        """Removes files that the kernel's tree does not have any more."""
        wanted = set(self.files()) | set(self.texts)
        for top, _, names in os.walk(self.tree):
            for name in names:
                path = os.path.relpath(f"{top}/{name}", self.tree)
                if path not in wanted and not self.keeps(path):
                    os.remove(f"{top}/{name}")

    def lay_out(self):
        self.remove_old()
        for path, source in self.files().items():
            target = f"{self.tree}/{path}"
            if path in self.texts or path == "README.md":
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.exists(target) or os.stat(target).st_mtime != os.stat(source).st_mtime:
                shutil.copy2(source, target)
        for path, text in self.texts.items():
            write(f"{self.tree}/{path}", self.starter if path == self.module.FILE else text)
        shutil.copy2(lab.ROOT + "/README.md", self.tree + "/DR7.md")
        out = read(f"{lab.HERE}/{self.module.NAME}/README.md")
        rule = self.module.rule(self.params) if hasattr(self.module, "rule") else ""
        out = MARK.sub("", out.replace("<!-- your parameters -->", rule))
        write(self.tree + "/README.md", out)
        write(f"{self.tree}/{sheet.SHEET}", sheet.HEAD)

    def compile_staff(self):
        """Makes one object for each function. Each exports only that function."""
        os.makedirs(self.tree + "/labs/staff", exist_ok=True)
        source = self.tree + "/labs/staff/one.c"
        for name in self.module.FUNCTIONS:
            out = f"{self.tree}/labs/staff/{name}.o"
            others = [f for f in self.module.FUNCTIONS if f != name]
            text = frame(self.solution, others)
            text = cut.replaced(text, name, cut.public(cut.whole(text, name)))
            write(source, text)
            if self.module.FLAVOUR in DIRECTLY:
                DIRECTLY[self.module.FLAVOUR](self.tree, source, out)
            else:
                flags = must(make(self.tree, "lab-flags")).stdout.split()
                must(run(flags + ["-c", source, "-o", out], cwd=self.tree))
            only_symbol(out, name)
        os.remove(source)

    def plain(self):
        """The lab as students get it, but without advice."""
        stubs = {name: cut.whole(self.starter, name) for name in self.module.FUNCTIONS}
        return lab.Lab(self.module.NAME, self.module.TITLE, self.module.FILE, self.module.FLAVOUR,
                       {n: list(f[:2]) for n, f in self.module.FUNCTIONS.items()},
                       self.module.TOGETHER, self.params, stubs=stubs,
                       may_use=getattr(self.module, "MAY_USE", []))

    def signature(self, mistake, seed="dictionary"):
        function = self.module.MISTAKES[mistake][0]
        row, why = grading.try_alone(self.plain(), self.tree,
                                     planted(self.module, self.solution, mistake), function, seed)
        if row == grading.DOES_NOT_BUILD:
            raise Broken(f"{self.module.NAME}, planted mistake {mistake}: {why}")
        return row

    def stamp(self):
        """A hash of all that the model was made from."""
        hashed = hashlib.sha256(json.dumps([self.texts, self.params]).encode())
        for path in sorted(self.files().values()) + [f"{lab.HERE}/{self.module.NAME}/lab.py",
                                                     f"{lab.HERE}/{self.module.NAME}/README.md"]:
            with open(path, "rb") as f:
                hashed.update(f.read())
        return hashed.hexdigest()

    def ready(self):
        """Makes missing parts. Afterwards the tree is a starter of the student "public"."""
        os.makedirs(self.tree, exist_ok=True)
        with open(self.tree + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            stamp, made = self.stamp(), self.tree + ".stamp"
            if not os.path.exists(made) or read(made) != stamp:
                plain = self.plain_tree()
                plain.advice = advice.seal([(m[0], self.signature(name), m[3])
                                            for name, m in self.module.MISTAKES.items()])
                plain.save(f"{self.tree}/{lab.STARTER}")
                write(made, stamp)
        return self

    def plain_tree(self):
        """Makes the files and the staff's functions. The lab has no advice yet."""
        self.lay_out()
        lend_build(self.tree, "build/core/debug" if self.module.FLAVOUR == "core" else
                   "build/debug")
        self.compile_staff()
        return self.plain()

    def hand_out(self, out, student):
        """Makes a student's own starter: a git repository with one commit."""
        check_new(out)
        shutil.copytree(self.tree, out, ignore=shutil.ignore_patterns("build", "__pycache__"),
                        dirs_exist_ok=True)
        mine = lab.load(out)
        mine.student = student
        mine.save(f"{out}/{lab.STARTER}")
        commit(out, mine.title)


def check_new(out):
    if os.path.exists(out) and os.listdir(out):
        sys.exit(f"dr7: OUT={out}: it is there already, and not empty")


def commit(out, title):
    """Makes the folder a git repository with one commit."""
    for words in (["init", "-q", "-b", "main"], ["add", "-A", "-f"],
                  ["commit", "-q", "-m", f"{title}: the starter"]):
        subprocess.run(["git", "-C", out, *words], check=True, env={**os.environ, **COMMIT})


def lend_build(tree, kernel):
    """Copies the kernel's own objects, so that the first build of a model is short."""
    for theirs, mine in ((kernel, BUILD), ("build/include", "build/include"),
                         ("build/user/include", "build/user/include")):
        if os.path.exists(f"{lab.ROOT}/{theirs}") and not os.path.exists(f"{tree}/{mine}"):
            os.makedirs(os.path.dirname(f"{tree}/{mine}"), exist_ok=True)
            subprocess.run(["cp", "-a", f"{lab.ROOT}/{theirs}", f"{tree}/{mine}"], check=True)
    # The files with the dependencies name their build folder.
    for path in glob.glob(f"{tree}/{BUILD}/obj/**/*.d", recursive=True):
        write(path, read(path).replace(kernel + "/", BUILD + "/"))

# The workbench on which one attempt is tried: the frame of the lab's file, some functions of the
# hand-in, and the staff's object files for the others.
#
# The frame is the file with every function of the lab reduced to its prototype. It is the same
# whether it is made from the kernel or from a starter. So a starter can try one function among the
# staff's, though it has no source of theirs.
import fcntl
import os
import pathlib
import re
import subprocess
import tempfile

from labs import cut
import settings

BUILD_SECONDS = 300
# A program for dr7. Its functions may be the hand-in.
PROGRAM = ["musl-gcc", "-static", "-O1", "-w"]
# Not the address sanitizer: it makes system calls of its own, which the sandbox forbids.
HOST_FLAGS = ["-std=gnu17", "-O1", "-g", "-fno-builtin",
              "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
# What code that runs on the grader's own machine may need, and the sections that it may have.
NEEDS = {"panic", "memcmp", "memcpy", "memset", "strcmp", "_GLOBAL_OFFSET_TABLE_"}
SECTIONS = re.compile(r"\.(text|data|bss|rodata|eh_frame|note\.gnu\.property)(\.|$)")


class Broken(Exception):
    """The attempt cannot be tried: it does not compile, or is refused. Says why."""


def run(command, given="", **options):
    """`given`: its input."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace",
                              input=given, timeout=BUILD_SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise Broken(f"{command[0]} did not end within {BUILD_SECONDS} seconds") from None


def complaints(done, limit=600):
    """The lines of a compiler that matter."""
    said = (done.stderr or done.stdout).splitlines()
    lines = [line for line in said if re.search(r"error|undefined|multiple", line)] or said
    return "does not compile:\n" + "\n".join(lines)[:limit]


def must(done, what=""):
    """A command that had to succeed."""
    if done.returncode:
        raise Broken(what + complaints(done))
    return done


# ---- Source ----

def frame(text, names):
    for name in names:
        text = cut.replaced(text, name, cut.prototype(text, name))
    return text


def joined(true, hand_in, cuts, wanted):
    """The frame of `true` with the functions `wanted` of the hand-in, and with its helpers."""
    known = {f.name for f in cut.functions(true)}
    mine = [f for f in cut.functions(hand_in) if f.name in wanted or f.name not in known]
    for f in mine:
        check_text(f.name, hand_in[f.start:f.end])
    # Helpers may call each other and the functions of the lab: all prototypes come first.
    first = min(cut.find(true, name).start for name in cuts)
    helpers = [f for f in mine if f.name not in cuts]
    heads = [hand_in[f.start:f.body].rstrip() + ";\n" for f in helpers]
    prototypes = [cut.prototype(true, name) + "\n" for name in cuts]
    text = true[:first] + "".join(prototypes + heads) + \
        "".join(hand_in[f.start:f.end] + "\n\n" for f in helpers) + true[first:]
    for name in cuts:
        new = cut.public(cut.whole(hand_in, name)) if name in wanted else ""
        text = cut.replaced(text, name, new)
    return text


def check_text(name, function):
    tokens = [m.group() for m in cut.TOKEN.finditer(function)]
    if any(t.lstrip().startswith("#") for t in tokens):
        raise Broken(f"{name}: there may be no preprocessor line inside of a function")
    if {"asm", "__asm__", "__asm"} & set(tokens):
        raise Broken(f"{name}: there may be no assembly; use the accessors that are given")


# ---- Objects and programs ----

def host_headers(tree):
    """Where a program of this host finds headers: first those that stand in place of hardware."""
    return ["-I", tree + "/test/host/fake", "-I", tree, "-isystem", tree + "/build/include"]


def compile_host(tree, source, out):
    must(run(["gcc", *HOST_FLAGS, *host_headers(tree), "-c", source, "-o", out]))


def make_program(tree, inputs, out, *flags):
    """A static program for the kernel, from sources and objects."""
    must(run([*PROGRAM, *flags, "-I", tree, "-isystem", tree + "/build/user/include", *inputs,
              "-o", out]))


def compile_program(tree, source, out):
    make_program(tree, [source], out, "-c")


def check_object(path, allowed):
    """Refuses an object that could do anything but compute."""
    needs = {line.split()[-1] for line in run(["nm", "-u", path]).stdout.splitlines() if line}
    if needs - NEEDS - set(allowed):
        raise Broken("may not use " + ", ".join(sorted(needs - NEEDS - set(allowed))))
    for line in run(["objdump", "-h", "-w", path]).stdout.splitlines():
        words = line.split()
        if words[:1] and words[0].isdigit() and "ALLOC" in line and \
                not SECTIONS.match(words[1]) and int(words[2], 16):
            raise Broken(f"may not have a section {words[1]}")
    if re.search(r" i ", run(["nm", path]).stdout):
        raise Broken("may not have code that runs before main()")


def only_symbol(path, name):
    """The object offers this function and nothing else."""
    must(run(["objcopy", "--keep-global-symbol=" + name, path]))


class Bench:
    """`functions`: those of the hand-in that are tried. `tree`: a starter."""

    def __init__(self, lab, tree, hand_in, functions, seed):
        self.lab, self.tree, self.seed = lab, os.path.abspath(tree), seed
        self.figures = {}  # of merit, less is better: set by the judge
        self.functions = functions
        with open(f"{tree}/{lab.file}", encoding="utf-8") as f:
            true = f.read()
        self.source = joined(true, hand_in, list(lab.functions), functions)
        self.staff = [f"{self.tree}/labs/staff/{name}.o" for name in lab.functions
                      if name not in functions]

    def __enter__(self):
        """One bench of a tree at a time: they share its build folder."""
        os.makedirs(self.tree + "/build", exist_ok=True)
        self.lock = open(self.tree + "/build/grade.lock", "w", encoding="utf-8")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.top = tempfile.TemporaryDirectory(prefix="dr7-lab-")
        self.dir = self.top.name
        self.path = f"{self.dir}/{os.path.basename(self.lab.file)}"
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(self.source)
        return self

    def __exit__(self, *_):
        """The next build in this folder begins with the tree's own file."""
        pathlib.Path(f"{self.tree}/{BUILD}/obj/{self.lab.file}.o").unlink(missing_ok=True)
        self.top.cleanup()
        self.lock.close()

    def program(self, asker):
        """A program of this host: what asks (a source in the lab's folder) and the attempt."""
        attempt = self.dir + "/attempt.o"
        compile_host(self.tree, self.path, attempt)
        check_object(attempt, [*self.lab.functions, *self.lab.may_use])
        must(run(["gcc", "-std=gnu17", "-O1", "-g", *host_headers(self.tree),
                  f"{self.tree}/labs/{self.lab.name}/{asker}", attempt, *self.staff,
                  "-o", self.dir + "/program"]))
        return self.dir + "/program"

    def staff_kernel(self, *words):
        """The debug kernel as it is. Returns its build folder. `words`: more for make."""
        must(make(self.tree, "kernel-only", *words), "the kernel: ")
        return self.tree + "/" + BUILD

    def kernel(self):
        """The debug kernel with the attempt in it, or the core. Returns its build folder."""
        return self.staff_kernel(*core(self.lab.flavour), f"LAB_FILE={self.lab.file}",
                                 f"LAB_SOURCE={self.path}", "LAB_OBJS=" + " ".join(self.staff))


BUILD = "build/grade"  # in the starter, so that the student's own build stays as it is


def core(flavour):
    """What make is told of a lab that is done in the core."""
    return ["CORE=1"] if flavour == "core" else []


def make(tree, *words):
    return run(["make", "-s", "-j2", "-C", tree, "DEBUG=1", "B=" + BUILD, *words],
               env=settings.without_settings())

# The workbench that tries one attempt: the frame of the lab's file, some functions of the hand-in,
# and the staff's object files for the others.
#
# The frame is the file with every function of the lab reduced to its prototype. The kernel and a
# starter give the same frame. So a starter can try one function among the staff's, although it does
# not have their source.
import fcntl
import os
import pathlib
import re
import subprocess
import tempfile

from labs import cut
import settings

BUILD_SECONDS = 300
# Compiles a program for dr7. Its functions may be from the hand-in.
PROGRAM = ["musl-gcc", "-static", "-O1", "-w"]
# Without the address sanitizer, because it makes system calls that the sandbox forbids.
HOST_FLAGS = ["-std=gnu17", "-O1", "-g", "-fno-builtin",
              "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
# The symbols that code on the grader's own machine may use, and the sections that it may have.
NEEDS = {"panic", "memcmp", "memcpy", "memset", "strcmp", "_GLOBAL_OFFSET_TABLE_"}
SECTIONS = re.compile(r"\.(text|data|bss|rodata|eh_frame|note\.gnu\.property)(\.|$)")


class Broken(Exception):
    """The attempt cannot be tried: it does not compile, or is refused. The text is the reason."""


def run(command, given="", **options):
    """Runs a command. `given`: its input."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace",
                              input=given, timeout=BUILD_SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise Broken(f"{command[0]} did not end within {BUILD_SECONDS} seconds") from None


def complaints(done, limit=600):
    """The important lines of a compiler's output."""
    said = (done.stderr or done.stdout).splitlines()
    lines = [line for line in said if re.search(r"error|undefined|multiple", line)] or said
    return "does not compile:\n" + "\n".join(lines)[:limit]


def must(done, what=""):
    """Raises Broken unless the command has succeeded."""
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
    """The header folders of a program for this host: first the headers that replace hardware."""
    return ["-I", tree + "/test/host/fake", "-I", tree, "-isystem", tree + "/build/include"]


def compile_host(tree, source, out):
    must(run(["gcc", *HOST_FLAGS, *host_headers(tree), "-c", source, "-o", out]))


def make_program(tree, inputs, out, *flags):
    """Makes a static program for the kernel from sources and objects."""
    must(run([*PROGRAM, *flags, "-I", tree, "-isystem", tree + "/build/user/include", *inputs,
              "-o", out]))


def compile_program(tree, source, out):
    make_program(tree, [source], out, "-c")


def check_object(path, allowed):
    """Refuses an object that can do more than compute."""
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
    """Makes this function the only global symbol of the object."""
    must(run(["objcopy", "--keep-global-symbol=" + name, path]))


class Bench:
    """`functions`: the functions of the hand-in to try. `tree`: a starter."""

    def __init__(self, lab, tree, hand_in, functions, seed):
        self.lab, self.tree, self.seed = lab, os.path.abspath(tree), seed
        self.figures = {}  # figures of merit, less is better; set by the judge
        self.functions = functions
        with open(f"{tree}/{lab.file}", encoding="utf-8") as f:
            true = f.read()
        self.source = joined(true, hand_in, list(lab.functions), functions)
        self.staff = [f"{self.tree}/labs/staff/{name}.o" for name in lab.functions
                      if name not in functions]

    def __enter__(self):
        """Only one bench of a tree at a time, because they share its build folder."""
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
        """Restores the tree's own file for the next build in this folder."""
        pathlib.Path(f"{self.tree}/{BUILD}/obj/{self.lab.file}.o").unlink(missing_ok=True)
        self.top.cleanup()
        self.lock.close()

    def program(self, asker):
        """Makes a program for this host from the asker (a source in the lab's folder) and the
        attempt."""
        attempt = self.dir + "/attempt.o"
        compile_host(self.tree, self.path, attempt)
        check_object(attempt, [*self.lab.functions, *self.lab.may_use])
        must(run(["gcc", "-std=gnu17", "-O1", "-g", *host_headers(self.tree),
                  f"{self.tree}/labs/{self.lab.name}/{asker}", attempt, *self.staff,
                  "-o", self.dir + "/program"]))
        return self.dir + "/program"

    def staff_kernel(self, *words):
        """Builds the debug kernel without the attempt. Returns its build folder. `words`: more
        words for make."""
        must(make(self.tree, "kernel-only", *words), "the kernel: ")
        return self.tree + "/" + BUILD

    def kernel(self):
        """Builds the debug kernel, or the core, with the attempt. Returns its build folder."""
        return self.staff_kernel(*core(self.lab.flavour), f"LAB_FILE={self.lab.file}",
                                 f"LAB_SOURCE={self.path}", "LAB_OBJS=" + " ".join(self.staff))


BUILD = "build/grade"  # in the starter, so that the student's own build stays as it is


def core(flavour):
    """The words for make in a lab that uses the core."""
    return ["CORE=1"] if flavour == "core" else []


def make(tree, *words):
    return run(["make", "-s", "-j2", "-C", tree, "DEBUG=1", "B=" + BUILD, *words],
               env=settings.without_settings())

# Tests of the labs (labs/README.md): their tools, and the check of each lab.
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, ".")
from labs import advice, bench, cut, formats, grading, lab  # noqa: E402
from labs.report import Report  # noqa: E402


def sessions(timeout):
    """The cases for test/run.py. The starter of a lab has no labs to check, and no museum."""
    if not lab.names():
        return {}
    from museum import fits
    # A lab builds and boots dozens of kernels, so it gets more time than one machine.
    cases = {"labs." + name: lambda _, name=name: check_lab(name, 3 * timeout)
             for name in lab.names()}
    return {**cases, "labs.tools": lambda _: check_tools(), "museum": lambda _: fits.check()}


def check_lab(name, timeout):
    """Checks starter, solution and planted mistakes. Returns what is wrong ("": nothing), and the
    log."""
    done = subprocess.run([sys.executable, "-B", "labs/tool.py", "labs-check"],
                          env={"PATH": "/usr/bin:/bin", "L": name}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)
    lines = (done.stdout + done.stderr).splitlines()
    wrong = [line[7:] for line in lines if line.startswith("not ok ")]
    return "; ".join(wrong) or (done.returncode and lines[-1]) or "", lines


def check_tools():
    wrong = []
    for check in (cutter, odd_functions, sealed_advice, report_formats, gradescope, refused, forged,
                  deceived, variants):
        try:
            wrong += [f"{check.__name__}: {line}" for line in check()]
        except bench.Broken as problem:
            wrong.append(f"{check.__name__}: {problem}")
    return "; ".join(wrong), wrong


def expect(wrong, what, got, wanted):
    if got != wanted:
        wrong.append(f"{what}: {got!r}, wanted {wanted!r}")


def cutter():
    """cut.py finds every function of the kernel that the compiler finds."""
    wrong = []
    for path in ("hwbp/slots.c", "arch/x86/debugreg.c", "sched/core.c", "perf/place.c"):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        done = subprocess.run(["nm", "build/debug/obj/" + path + ".o"], capture_output=True,
                              text=True)
        compiled = {line.split()[2].split(".")[0] for line in done.stdout.splitlines()
                    if line.split()[1] in "tT"}
        missing = compiled - {f.name for f in cut.functions(text)}
        # An inline function of a header may have been compiled, too.
        missing = {name for name in missing if f" {name}(" in text}
        expect(wrong, path, missing, set())
    return wrong


ODD = r'''
struct s { int (*f)(void); } table = { .f = 0 };
/* int commented(void) { } */
#define NOT_ONE(x) { x }
static const char *text = "int quoted(void) { }";
__attribute__((noinline)) static int
wrapped(int a,
        int (*callback)(int)) { if (a) { return '}'; } return callback(a); }
int next(void){return 1;}
static inline u8 *pointer(void) { static const int t[] = { 1, 2 }; return 0; }
'''


def odd_functions():
    wrong = []
    expect(wrong, "names", [f.name for f in cut.functions(ODD)], ["wrapped", "next", "pointer"])
    expect(wrong, "prototype", cut.prototype(ODD, "pointer"), "u8 *pointer(void);")
    expect(wrong, "body", cut.whole(cut.with_body(ODD, "next", "{}"), "next"), "int next(void){}")
    expect(wrong, "edit", cut.whole(cut.edited(ODD, "next", "1", "2"), "next"),
           "int next(void){return 2;}")
    for name, old in (("next", "3"), ("nobody", "1"), ("wrapped", "a")):
        try:
            cut.edited(ODD, name, old, "")
            wrong.append(f"an edit of {name} that does not fit is accepted")
        except cut.CutError:
            pass
    return wrong


def sealed_advice():
    wrong = []
    sealed = advice.seal([("f", "..g", "first"), ("f", "..g", "second"), ("g", "..g", "third")])
    expect(wrong, "two", advice.open_sealed(sealed, "f", "..g"), "first\nor: second")
    expect(wrong, "another function", advice.open_sealed(sealed, "g", "..g"), "third")
    expect(wrong, "another row", advice.open_sealed(sealed, "f", ".g."), "")
    expect(wrong, "readable", "first" in json.dumps(sealed), False)
    return wrong


def report_formats():
    """Each format has the published fields (labs/formats.py names the sources)."""
    report = Report("slots", "Slot rules", "seed", leaderboard={"writes": 4})
    report.add("good", 60, 60)
    report.add("<bad>", 40, 0, "first \x01 line\nsecond & last")
    wrong = []
    result = json.loads(formats.gradescope(report))
    expect(wrong, "gradescope", (result["score"], [t["status"] for t in result["tests"]],
                                 result["leaderboard"]),
           (60, ["passed", "failed"], [{"name": "writes", "value": 4, "order": "asc"}]))
    expect(wrong, "gradescope's fields", set(result["tests"][0]),
           {"name", "number", "score", "max_score", "status", "output", "visibility"})
    result = json.loads(formats.classroom50(report))
    expect(wrong, "classroom50's fields", set(result),
           {"schema", "classroom", "assignment", "submission", "commit", "release", "review",
            "datetime", "score", "max-score", "tests"})
    expect(wrong, "classroom50", (result["schema"], result["max-score"],
                                  result["tests"][1]["test-name"], result["tests"][1]["passed"]),
           ("classroom50/result/v1", 100, "<bad>", False))
    result = json.loads(base64.b64decode(formats.classroom(report)))
    expect(wrong, "classroom", (result["max_score"], result["status"],
                                [t["status"] for t in result["tests"]]),
           (100, "fail", ["pass", "fail"]))
    suite = xml.etree.ElementTree.fromstring(formats.junit(report))
    expect(wrong, "junit", (suite.get("tests"), suite.get("failures"),
                            suite.find("testcase/failure").text),
           ("2", "1", "first ? line\nsecond & last"))
    with tempfile.NamedTemporaryFile("w", suffix=".tap") as f:
        f.write(formats.tap(report))
        f.flush()
        done = subprocess.run(["prove", "-e", "cat", f.name], text=True, capture_output=True)
    expect(wrong, "tap", "Failed 1/2 subtests" in done.stdout, True)
    expect(wrong, "text", formats.text(report).splitlines()[-1].split("    ")[0], "Score: 60/100")
    return wrong


def gradescope():
    """The script for Gradescope, in a folder that looks like Gradescope's."""
    if not lab.names():
        return []
    wrong = []
    with tempfile.TemporaryDirectory() as top:
        os.makedirs(top + "/source")
        os.makedirs(top + "/submission")
        os.symlink(os.getcwd(), top + "/source/dr7")
        with open(top + "/source/lab", "w", encoding="utf-8") as f:
            f.write("slots\n")
        with open(top + "/submission_metadata.json", "w", encoding="utf-8") as f:
            json.dump({"users": [{"email": "public", "id": 1, "name": "A Student"}]}, f)
        for hand_in, wanted in ((None, (0, "No such file")), ("hwbp/slots.c", (100, "Slot rules"))):
            if hand_in:
                shutil.copy(hand_in, top + "/submission")
            subprocess.run(["labs/gradescope/run_autograder"], check=False,
                           env={"PATH": "/usr/bin:/bin", "AUTOGRADER": top})
            with open(top + "/results/results.json", encoding="utf-8") as f:
                result = json.load(f)
            expect(wrong, f"{hand_in}", (result["score"], wanted[1] in result["output"]),
                   (wanted[0], True))
    return wrong


# Forbidden hand-ins, and the message for each. Each is a helper beside the starter's functions.
FORGERIES = {
    "a constructor": ("__attribute__((constructor)) static void f(void) { panic(\"early\"); }",
                      "may not have a section .init_array"),
    "a call to the system": ("int system(const char *); int f(void) { return 0; } "
                             "int g(void) { return system(\"id\"); }", "may not use system"),
    "assembly": ("void f(void) { __asm__(\"syscall\"); }", "no assembly"),
    "a file of the grader's": ("void f(void) {\n#include \"/etc/passwd\"\n}", "no preprocessor"),
}


def refused():
    from labs import starter  # a starter itself has none
    wrong = []
    model = starter.Model("slots", {"KEPT": 1}).ready()
    given = lab.load(model.tree)
    for name, (helper, told) in FORGERIES.items():
        place = model.solution.index("// ---- The counts ----")
        hand_in = model.solution[:place] + helper + "\n" + model.solution[place:]
        row, why = grading.try_alone(given, model.tree, hand_in, "count", "seed")
        expect(wrong, name, (row, told in why), ("B", True))
    loop = cut.with_body(model.solution, "count", "{ for (;;) ; }")
    row, why = grading.try_alone(given, model.tree, loop, "count", "seed")
    expect(wrong, "an endless loop", set(row), {"H"})
    return wrong


FORGED = """{
    void machine_off(u32);
    int printk(const char *, ...);
    (void)n, (void)addr, (void)type, (void)len;
    printk("KTAP version 1\\n1..1\\nok 1 first-db\\n");
    printk("lab: 0w4:3 DR0 3 DR1 0 DR2 0 DR3 0 steps 0\\ndr7: core ended with status 0\\n");
    hits[0] = 3;
    machine_off(0);
}"""


def forged():
    """A hand-in that prints a perfect result, and switches the machine off."""
    from labs import starter  # a starter itself has none
    wrong = []
    model = starter.Model("first_db", lab.staff("first_db").PUBLIC)
    hand_in = cut.with_body(model.solution, "arm", FORGED)
    report = grading.grade(model.plain_tree(), model.tree, hand_in, only="arm")
    expect(wrong, "points", report.score, 0)
    expect(wrong, "advice", "went off" in report.rows[0].text, True)
    return wrong


def deceived():
    """If gdb asks for writes, it does not show reads. Only QEMU shows that the stub of this kernel
    watches reads, too."""
    from labs import starter  # a starter itself has none
    wrong = []
    model = starter.Model("gdbstub", lab.staff("gdbstub").PUBLIC)
    hand_in = cut.edited(model.solution, "insert_hardware", "type_of[kind],",
                         "kind == Z_WRITE && slots[0].event[0] ? HW_BREAKPOINT_RW : type_of[kind],")
    why = grading.try_together(model.plain_tree(), model.tree, hand_in, "seed")[0]
    expect(wrong, "what QEMU saw", why[:8], "QEMU saw")
    return wrong


def variants():
    """A student's own rule: its solution gets 100, but the public solution does not."""
    from labs import starter  # a starter itself has none
    wrong = []
    for name in lab.names():
        module = lab.staff(name)
        rules = getattr(module, "VARIANTS", [])
        # One rule is enough if kernels must be built and booted.
        for params in rules if rules and module.FLAVOUR == "host" else rules[:1]:
            model, public = starter.Model(name, params), starter.published(module)[module.FILE]
            given = model.plain_tree()
            report = grading.grade(given, model.tree, model.solution)
            expect(wrong, f"{name} {params}", [r.text for r in report.rows if not r.full], [])
            report = grading.grade(given, model.tree, public)
            expect(wrong, f"{name} {params}, the public solution", report.score < 80, True)
    return wrong

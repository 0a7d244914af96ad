# Labs in which students write functions: hand out, grade, check. The check proves the lab: the
# starter gets 0 points and advice for each function, and the solution gets 100. Each planted
# mistake is seen, differs from the others, and gets its own advice.
import time

from labs import bench, grading, lab, starter


def model_of(module, student):
    return starter.Model(module.NAME, lab.parameters(module.NAME, student)).ready()


def hand_out(module, out, student):
    model_of(module, student).hand_out(out, student)


def grade(module, student, text, seed):
    model = model_of(module, student)
    return grading.grade(lab.load(model.tree), model.tree, text, seed)


def ends(module):
    """Returns the grades of the starter and of the solution, without advice."""
    model = starter.Model(module.NAME, module.PUBLIC)
    plain = model.plain_tree()
    return [grading.grade(plain, model.tree, text) for text in (model.starter, model.solution)]


# ---- Check ----

def check_boot(model):
    """Checks that the starter boots and works, although its stubs do nothing."""
    if model.module.FLAVOUR == "core":
        done = bench.make(model.tree, "run", "CORE=1", "TIMEOUT=60")
        return [f"the starter: {done.stdout[-300:]}"] if done.returncode else []
    program = lab.ROOT + "/build/user/bin/echo"
    done = bench.make(model.tree, "exec", "PROG=" + program, "ARGS=ready", "TIMEOUT=60")
    return [] if done.stdout == "ready\n" else ["the starter: " + done.stderr[-300:]]


def check_ends(model, given):
    """Checks the grades of the starter and of the solution."""
    bad = check_boot(model)
    report = grading.grade(given, model.tree, model.starter)
    silent = [row.name for row in report.rows if row.name != "together" and
              "advice: " not in row.text]
    if report.score or silent:
        bad.append(f"the starter gets {report.score} points; no advice for {silent}")
    print(f"ok starter: {report.score} points, {report.seconds:.1f} s", flush=True)
    report = grading.grade(given, model.tree, model.solution)
    if report.score != 100 or report.points != 100:
        bad.append(f"the solution gets {report.score}/{report.points}: "
                   f"{[row.text for row in report.rows if row.text]}")
    print(f"ok solution: {report.score} points, {report.seconds:.1f} s", flush=True)
    return bad


def check_mistake(model, given, name):
    function, _, _, said = model.module.MISTAKES[name]
    started = time.monotonic()
    hand_in = starter.planted(model.module, model.solution, name)
    row, why = grading.try_alone(given, model.tree, hand_in, function, "another seed")
    text = grading.explain(given, hand_in, function, row, why)
    print(f"{name:24} {row} {time.monotonic() - started:.1f} s", flush=True)
    if grading.right(row):
        return [f"{name}: no probe sees it"]
    if text.split("\nadvice: ")[1:] != [said]:
        return [f"{name}: the student is told {text!r}"]
    return []


def check_rows(module, wanted):
    """Prints only the row of one planted mistake, or of "all"."""
    if wanted not in (*module.MISTAKES, "all"):
        raise SystemExit(f"dr7: F= is one of {' '.join(module.MISTAKES)}, or all")
    model = starter.Model(module.NAME, module.PUBLIC)
    model.plain_tree()
    bad, seen = [], {}
    for mistake in module.MISTAKES if wanted == "all" else [wanted]:
        row = model.signature(mistake)
        print(f"{mistake:24} {row}", flush=True)
        if grading.right(row):
            bad.append(f"{mistake}: no probe sees it")
        twin = seen.setdefault((module.MISTAKES[mistake][0], row), mistake)
        if twin != mistake:
            bad.append(f"{mistake}: it looks like {twin}")
    return bad


def check(module, only=""):
    """Returns what is wrong with a lab, as a list of sentences. `only`: one planted mistake, or
    "all"."""
    if only:
        return check_rows(module, only)
    model = model_of(module, lab.PUBLIC)
    given = lab.load(model.tree)
    bad = check_ends(model, given)
    if hasattr(module, "prove"):
        bad += module.prove()
    for mistake in module.MISTAKES:
        bad += check_mistake(model, given, mistake)
    return bad

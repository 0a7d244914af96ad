# Labs without code to write: questions about the student's own machine or program, with numbers
# drawn for each student. The grader computes the answers by itself.
#
# labs/NAME/lab.py has KIND = questions and
#   draw(rng)         the student's parameters
#   ask(params)       the questions: (points, text) each
#   truth(params)     the answers
#   prepare(out, params)   optional: adds files to the starter in the folder `out`
#   prove(params, truth)   optional: what is wrong with the way that the hand-out teaches
import os
import random
import shutil
import subprocess

from labs import lab, sheet, starter
from labs.report import Report, clocks
import settings

FILE = sheet.SHEET  # the file to hand in, in all these labs
MARK = "<!-- your questions -->"
SECONDS = 300  # for a machine, on a busy host


def make(*words, typed=""):
    """Returns the output of `make` in the tree. Only these words are settings."""
    done = subprocess.run(["make", "-s", *words], input=typed, cwd=lab.ROOT, timeout=SECONDS,
                          env=settings.without_settings(), capture_output=True, text=True,
                          errors="replace")
    return (done.stdout + done.stderr).replace("\r", "")


def parameters(module, student):
    return module.draw(lab.generator(module.NAME, student))


def questions(module, params):
    return "\n".join(f"{i}. ({points} points) {text}"
                     for i, (points, text) in enumerate(module.ask(params), 1))


def grade(module, student, text, _seed):
    params, started = parameters(module, student), clocks()
    report = marked(module, params, text, module.truth(params))
    report.took(started)
    return report


def ends(module):
    """As functions.ends(). What is in the sheet does not change the time."""
    return 2 * [grade(module, lab.PUBLIC, "", None)]


def marked(module, params, text, truth):
    report = Report(module.NAME, module.TITLE, "")
    mine = sheet.answers(text)
    for i, ((points, _), right) in enumerate(zip(module.ask(params), truth), 1):
        if mine.get(i) == sheet.normal(str(right)):
            report.add(f"question {i}", points, points)
        else:
            report.add(f"question {i}", points, 0, f"{mine[i]} is not right" if mine.get(i) else
                       "no answer")
    return report


def hand_out(module, out, student):
    """Makes a starter: the kernel's tree, the hand-out with the questions, and an empty sheet."""
    params = parameters(module, student)
    starter.check_new(out)
    for path in starter.tracked():
        os.makedirs(os.path.dirname(f"{out}/{path}") or out, exist_ok=True)
        shutil.copy2(f"{lab.ROOT}/{path}", f"{out}/{path}")
    os.makedirs(out + "/labs")
    for path in starter.GRADER:
        shutil.copy2(f"{lab.HERE}/{path}", f"{out}/labs/{path}")
    os.rename(out + "/README.md", out + "/DR7.md")
    text = starter.read(f"{lab.HERE}/{module.NAME}/README.md")
    starter.write(out + "/README.md", text.replace(MARK, questions(module, params)))
    starter.write(f"{out}/{sheet.SHEET}", sheet.empty(len(module.ask(params))))
    if hasattr(module, "prepare"):
        module.prepare(out, params)
    lab.Lab(module.NAME, module.TITLE, sheet.SHEET, "", {}, 0, {}, student, grader="sheet").save(
        f"{out}/{lab.STARTER}")
    starter.commit(out, module.TITLE)


def check(module, _only=""):
    """Returns what is wrong with a lab, as a list of sentences."""
    params = parameters(module, lab.PUBLIC)
    truth = module.truth(params)
    lines = [f"{i}: {answer}" for i, answer in enumerate(truth, 1)]
    asked = module.ask(params)
    bad = [] if sum(points for points, _ in asked) == 100 else ["the points are not 100 in all"]
    if marked(module, params, "\n".join(lines), truth).score != 100:
        bad.append(f"the answers {truth} do not get 100 points")
    if marked(module, params, sheet.empty(len(lines)), truth).score:
        bad.append("an empty sheet gets points")
    for i, (points, _) in enumerate(asked):
        wrong = lines[:i] + [f"{i + 1}: 12345678"] + lines[i + 1:]
        if marked(module, params, "\n".join(wrong), truth).score != 100 - points:
            bad.append(f"a wrong answer to question {i + 1} does not cost {points} points")
    others = {str(module.draw(random.Random(i))) for i in range(8)}
    if len(others) < 4:
        bad.append(f"eight students have {len(others)} sets of questions")
    return bad + (module.prove(params, truth) if hasattr(module, "prove") else [])

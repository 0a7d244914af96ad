# Grades a hand-in: each function alone among the staff's, then all together. So a mistake costs
# only the points of its function.
import os

from labs import advice, cut
from labs.bench import Bench, Broken
from labs.report import Report, clocks

DOES_NOT_BUILD = "B"


def right(row):
    return set(row) == {"."}


def try_alone(lab, tree, hand_in, function, seed):
    """Returns (the row of letters, a sentence about the fault) of one function."""
    try:
        with Bench(lab, tree, hand_in, [function], seed) as bench:
            return lab.judge().alone(bench)
    except Broken as problem:
        return DOES_NOT_BUILD, str(problem)


def try_together(lab, tree, hand_in, seed):
    """Returns (what is wrong or "", the figures of merit)."""
    try:
        with Bench(lab, tree, hand_in, list(lab.functions), seed) as bench:
            return lab.judge().together(bench), bench.figures
    except Broken as problem:
        return str(problem), {}


def untouched(lab, hand_in, function):
    return (cut.without_comments(cut.whole(hand_in, function)) ==
            cut.without_comments(lab.stubs[function]))


def explain(lab, hand_in, function, row, why):
    """The text for a student about a wrong function."""
    if untouched(lab, hand_in, function):
        return f"still as handed out; {why}\nadvice: {lab.functions[function][1]}"
    said = advice.open_sealed(lab.advice, function, row)
    return why + (f"\nadvice: {said}" if said else "")


def grade(lab, tree, hand_in, seed=None, only=None):
    """Returns a Report. `tree`: a starter. `hand_in`: the text of the lab's file. `only`: one
    function."""
    started = clocks()
    seed = seed or os.urandom(8).hex()
    report = Report(lab.name, lab.title, seed)
    have = [f.name for f in cut.functions(hand_in)]
    wrong = False
    for name, (points, _) in lab.functions.items():
        if only not in (None, name):
            continue
        if have.count(name) != 1:
            report.add(name, points, 0, f"your file has {have.count(name)} functions of this name")
            wrong = True
            continue
        row, why = try_alone(lab, tree, hand_in, name, seed)
        if right(row):
            report.add(name, points, points)
        else:
            report.add(name, points, 0, explain(lab, hand_in, name, row, why))
            wrong = True
    if only is None:
        why, figures = ("it is tried when each function is right alone", {}) if wrong else \
            try_together(lab, tree, hand_in, seed)
        report.add("together", lab.together, 0 if why else lab.together, why)
        report.leaderboard = {} if why else figures
    report.took(started)
    return report

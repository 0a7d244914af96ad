# A report in the formats that course systems read. Each function returns the text of one file.
#
#   gradescope   results.json: https://gradescope-autograders.readthedocs.io/en/latest/specs/
#   classroom50  result.json: wiki of foundation50/classroom50, "The result.json contract"
#   classroom    the value of a runner's RESULTS variable: base64 of JSON
#                (github-education-resources/autograding-grading-reporter, src/notify-classroom.js)
#   junit, tap   for other systems; `prove` reads tap
import base64
import datetime
import json
import os
from xml.sax.saxutils import escape, quoteattr


def text(report):
    lines = []
    for row in report.rows:
        said = "  " + row.text.replace("\n", "\n      ") if row.text else ""
        lines.append(f"{'ok  ' if row.full else 'FAIL'} {row.name:14} {row.score:3}/{row.points}"
                     + said)
    lines += report.notes + [f"{name}: {value}" for name, value in report.leaderboard.items()]
    again = f"; SEED={report.seed} repeats this run" if report.seed else ""
    lines.append(f"Score: {report.score}/{report.points}    ({report.seconds:.1f} s{again})")
    return "\n".join(lines) + "\n"


def gradescope(report):
    tests = [{"name": row.name, "number": str(i), "score": row.score, "max_score": row.points,
              "status": "passed" if row.full else "failed", "output": row.text,
              "visibility": "visible"} for i, row in enumerate(report.rows, 1)]
    result = {"score": report.score, "execution_time": round(report.seconds),
              "output": "\n".join([report.title] + report.notes), "visibility": "visible",
              "stdout_visibility": "hidden", "tests": tests}
    if report.leaderboard:
        result["leaderboard"] = [{"name": name, "value": value, "order": "asc"}
                                 for name, value in report.leaderboard.items()]
    return json.dumps(result, indent=1) + "\n"


def classroom50(report):
    """Fields are empty if the runner gave no data about the submission."""
    said = os.environ.get
    tests = [{"test-name": row.name, "passed": row.full, "score": row.score,
              "max-score": row.points, "output": row.text} for row in report.rows]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({
        "schema": "classroom50/result/v1", "classroom": said("CLASSROOM", ""),
        "assignment": said("ASSIGNMENT", report.lab), "submission": said("SUBMISSION_TAG", ""),
        "commit": said("COMMIT_URL", ""), "release": said("RELEASE_URL", ""),
        "review": said("REVIEW_URL", "") or said("COMMIT_URL", ""), "datetime": now,
        "score": report.score, "max-score": report.points, "tests": tests}, indent=1) + "\n"


def classroom(report):
    tests = [{"name": row.name, "status": "pass" if row.full else "fail", "score": row.score,
              "message": row.text} for row in report.rows]
    result = {"version": 1, "status": "pass" if report.full else "fail",
              "max_score": report.points, "tests": tests}
    return base64.b64encode(json.dumps(result).encode()).decode() + "\n"


def junit(report):
    cases = []
    for row in report.rows:
        inside = "" if row.full else (f'<failure message="{row.score}/{row.points}">'
                                      f"{escape(printable(row.text))}</failure>")
        cases.append(f"<testcase classname={quoteattr(report.lab)} name={quoteattr(row.name)}>"
                     f"{inside}</testcase>\n")
    bad = sum(not row.full for row in report.rows)
    return (f"<testsuite name={quoteattr('dr7 ' + report.lab)} tests=\"{len(report.rows)}\" "
            f'failures="{bad}" time="{report.seconds:.1f}">\n{"".join(cases)}</testsuite>\n')


def tap(report):
    lines = ["TAP version 13", f"1..{len(report.rows)}"]
    for i, row in enumerate(report.rows, 1):
        lines.append(f"{'ok' if row.full else 'not ok'} {i} - {row.name} "
                     f"({row.score}/{row.points})")
        lines += ["# " + line for line in row.text.splitlines()]
    return "\n".join(lines) + "\n"


def printable(said):
    """XML 1.0 does not allow most control characters."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in said)


FORMATS = {f.__name__: f for f in (text, gradescope, classroom50, classroom, junit, tap)}

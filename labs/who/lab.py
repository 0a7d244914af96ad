# The lab "who": which function of the kernel writes a variable? The symbol tracer answers, for the
# student and for the grader.
import re

from labs import questions

TITLE = "W2 Who did it?"
HOURS = 0.5
NEEDS = "nothing"
KIND = questions

# Variables with few writers, and what they are. The kernel has each name once, so the tracer cannot
# take another variable.
VARIABLES = {
    "next_tid": "the number of the next task", "nr_threads": "how many threads there are",
    "dead_tasks": "the tasks that wait to be freed", "heap_bytes": "what the heap has given out",
    "nr_pages": "how many pages the pipes have", "last_ino": "the number of the newest file"}
COMMAND = 'sh -c "true | true; echo a >/tmp/x"'


def draw(rng):
    return {"variables": rng.sample(sorted(VARIABLES), 4), "stages": rng.randint(3, 9)}


def pipeline(params):
    return 'sh -c "' + " | ".join(["true"] * params["stages"]) + '"'


def ask(params):
    whole = [(20, f"Which functions write `{name}` ({VARIABLES[name]}) while the command below "
                  "runs?") for name in params["variables"]]
    return whole + [(20, f"How often is `next_tid` written while `{pipeline(params)}` runs?")]


def script(params):
    """What the student types, in one boot."""
    lines = [f"trace {name} -- {COMMAND}; trace -c" for name in params["variables"]]
    return "\n".join(lines + [f"trace next_tid -- {pipeline(params)}", "exit", ""])


def truth(params):
    said = questions.make("run", "SMP=1", typed=script(params))
    writers = [", ".join(sorted(set(re.findall(rf" write +{name} +(\w+)\+0x", said))))
               for name in params["variables"]]
    hits = re.findall(r"^ +W +(\d+) +next_tid$", said, re.M)
    if not hits or not all(writers):
        raise SystemExit(f"dr7: the tracer has not answered: {said[-300:]}")
    return writers + [hits[-1]]

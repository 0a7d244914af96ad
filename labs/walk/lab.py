# The lab "walk": a context switch, stepped through in Bochs' debugger. Bochs is deterministic, so
# the grader takes the same steps and sees the same numbers.
import re
import tempfile

from labs import questions

TITLE = "W1 See a switch"
HOURS = 0.5
NEEDS = "nothing"
KIND = questions


def draw(rng):
    return {"stop": rng.randint(3, 40)}


def ask(params):
    stop = params["stop"]
    return [(20, f"You are at stop number {stop} of `perf_switch_out` (see below). What is RSP?"),
            (20, "What is CR3 there?"),
            (20, "Then you come to `perf_switch_in`. What is CR3 now?"),
            (20, f"You go on to the next stop, number {stop + 1} of `perf_switch_out`. What is "
                 "DR7?"),
            (20, f"Which function is in the third line of the backtrace at stop {stop}? "
                 "(If there is none, write `none`.)")]


def commands(params):
    """The walk as the hand-out tells it."""
    return (["b perf_event_count", "c", "d 2", "b perf_switch_out"] + ["c"] * params["stop"] +
            ["bt", "r", "creg", "b perf_switch_in", "c", "creg", "d 4", "c", "dreg"])


def walk(params):
    with tempfile.NamedTemporaryFile("w", suffix=".cmds") as f:
        f.write("\n".join(commands(params)) + "\n")
        f.flush()
        return questions.make("bochs", "CMDS=" + f.name, "APPEND=-- demo")


def truth(params):
    said = walk(params)
    rsp, tables, dr7 = (re.findall(pattern, said, re.M) for pattern in (
        r"^rsp: (\w+)", r"^CR3=(0x[\da-f]+)", r"^DR7=(0x[\da-f]+)"))
    names = re.findall(r"^[\da-f]{16} -> [\da-f]{16} \((\w+)\+", said, re.M)
    if (len(rsp), len(tables), len(dr7)) != (1, 2, 1):
        raise SystemExit(f"dr7: Bochs has not answered: {said[-300:]}")
    return [*rsp, *tables, *dr7, names[2] if len(names) > 2 else "none"]

# The lab "count": perf counts the accesses of a program of the student's own, on dr7 and on Linux.
# The two systems do not always agree. The grader runs both.
import re
import tempfile

from labs import bench, lab, questions

TITLE = "W3 Count and compare"
HOURS = 0.5
NEEDS = "nothing"
KIND = questions

VARIABLES = ["first", "second", "third", "fourth", "fifth", "sixth"]


def draw(rng):
    numbers = {name: rng.randint(20, 90) for name in ("FIRST", "SECOND", "READS", "CALLS")}
    return {**numbers, "order": rng.sample(VARIABLES, len(VARIABLES))}


def writes(names):
    return [f"mem:{name}/8:w:u" for name in names]


def ask(params):
    return [(20, "How often does `counted` write `first`?"),
            (20, "How often does it read `first`?"),
            (20, "How often does it call `step`?"),
            (20, f"On Linux: which count does `second` get from "
                 f"`-e {','.join(writes(VARIABLES[:2]))}`?"),
            (20, f"On Linux: you ask for the six events `mem:NAME/8:w:u` in the order "
                 f"{', '.join(params['order'])}. Which variable does perf complain about?")]


def compile_counted(params, out):
    numbers = [f"-D{name}={params[name]}" for name in ("FIRST", "SECOND", "READS", "CALLS")]
    bench.make_program(lab.ROOT, [lab.HERE + "/count/counted.c"], out, *numbers)


def prepare(out, params):
    compile_counted(params, out + "/counted")


def perf(system, program, events):
    """What perf says, on dr7 ("exec") or on Linux ("linux")."""
    words = {"PROG": "build/user/bin/perf", "FILES": program,
             "ARGS": f"stat -e {','.join(events)} /counted"}
    return questions.make(system, *(f"{k}={v}" for k, v in words.items()))


def find(pattern, said):
    found = re.search(pattern, said, re.M)
    if not found:
        raise SystemExit(f"dr7: perf has not answered: {said[-300:]}")
    return found[1]


def count(event, said):
    return int(find(rf"^ +(\d+) +{event}$", said))


def truth(params):
    first, second = writes(VARIABLES[:2])
    both, steps = "mem:first/8:rw:u", "mem:step:x:u"
    with tempfile.TemporaryDirectory(prefix="dr7-count-") as top:
        program = top + "/counted"
        compile_counted(params, program)
        here = perf("exec", program, [first, both, steps])
        two = perf("linux", program, [first, second])
        refused = find(r"^perf: mem:(\w+)\S*: ", perf("linux", program, writes(params["order"])))
    written = count(first, here)
    return [written, count(both, here) - written, count(steps, here), count(second, two), refused]


def prove(params, truth):
    """dr7 counts what the program was made to do; Linux in QEMU counts more of `second`."""
    made = [params["FIRST"], params["READS"], params["CALLS"]]
    bad = [] if truth[:3] == made else [f"dr7 counts {truth[:3]}, the program does {made}"]
    if truth[3] == params["SECOND"]:
        bad.append("Linux counts as dr7 does: the hand-out's explanation is no longer true")
    if truth[4] != params["order"][4]:
        bad.append(f"Linux refuses {truth[4]}, the fifth is {params['order'][4]}")
    return bad

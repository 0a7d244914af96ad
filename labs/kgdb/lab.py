# The lab "kgdb": gdb's breakpoints in the running kernel, by the kernel's own stub. On one CPU the
# boot is the same each time, so the grader types the same commands and gets the same answers.
import re
import tempfile

from labs import questions

TITLE = "W4 gdb on the kernel's own stub"
HOURS = 0.5
NEEDS = "nothing"
KIND = questions

# Functions and variables that are used soon after gdb connects. The kernel has each name once. Of
# several, gdb would take the one in the file where the machine has stopped.
FUNCTIONS = ["task_new", "task_start", "kalloc", "kfree"]
VARIABLES = ["next_tid", "nr_threads", "nr_pages", "heap_bytes", "last_ino"]
TYPES = ["char", "short", "int"]  # none is longer than a variable
COUNTED = ["next_tid", "heap_bytes"]


def draw(rng):
    one, other = rng.sample(VARIABLES, 2)
    points = [f"hbreak {rng.choice(FUNCTIONS)}", f"watch *({rng.choice(TYPES)} *)&{one}",
              f"awatch *({rng.choice(TYPES)} *)&{other}"]
    rng.shuffle(points)
    return {"points": points, "register": rng.randrange(3), "counted": rng.choice(COUNTED),
            "pass": rng.randint(3, 7)}


def ask(params):
    asked = ", ".join(f"`{point}`" for point in params["points"])
    return [(20, f"You set {asked}, in this order, and continue. What is DR7 at the stop?"),
            (20, f"What is in DR{params['register']} there?"),
            (20, "In which function has the machine stopped there?"),
            (20, f"Then `delete`, `watch {params['counted']}`, `ignore $bpnum {params['pass']}`, "
                 "`continue`. What is the new value at the stop?"),
            (20, "What is the name of the thread that has written it?")]


def commands(params):
    """The session as the hand-out tells it."""
    return params["points"] + [
        "continue", "info registers dr0 dr1 dr2 dr3 dr7", "frame", "delete",
        f"watch {params['counted']}", f"ignore $bpnum {params['pass']}", "continue",
        "info threads", "kill"]


def session(params):
    with tempfile.NamedTemporaryFile("w", suffix=".cmds") as f:
        f.write("\n".join(commands(params)) + "\n")
        f.flush()
        return questions.make("kgdb", "SMP=1", "CMDS=" + f.name, "APPEND=-- demo")


def truth(params):
    said = session(params)
    dr7 = re.search(r"^dr7 +(0x[\da-f]+)", said, re.M)
    address = re.search(rf"^dr{params['register']} +(0x[\da-f]+)", said, re.M)
    function = re.search(r"^#0 +(?:0x[\da-f]+ in )?(\w+) \(", said, re.M)
    new = re.findall(r"^New value = (\d+)", said, re.M)
    thread = re.search(r"^\* \d+ +Thread \d+ \"([^\"]+)\"", said, re.M)
    if not (dr7 and address and function and new and thread):
        raise SystemExit(f"dr7: gdb has not answered: {said[-300:]}")
    return [dr7[1], address[1], function[1], new[-1], thread[1]]

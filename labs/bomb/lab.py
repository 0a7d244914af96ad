# The lab "bomb": a program of the student's own, to be understood with the debuggers' tools. The
# program is made from the student's number; nobody has its source, and the names say nothing.
import random
import tempfile

from labs import bench, lab, machine, questions

TITLE = "B The bomb"
HOURS = 3
NEEDS = "walk"
KIND = questions
BUILD = "build/debug"  # of the kernel that proves the hand-out

FUNCTIONS = 24
WRITES = 12    # to `detonator`
READERS = 8    # of the bytes of `lock`
# The head of the program: its variables, three of them with a name of their own.
FRAME = """#include <stdio.h>
#include <stdlib.h>
struct { volatile long noise[8], fuse, detonator; volatile unsigned char lock[8]; }
    area __attribute__((aligned(64)));
extern volatile long fuse, detonator;
extern volatile unsigned char lock[8];
#define NAMED(name, at) __asm__(".globl " #name "\\n.type " #name ", @object\\n.size " #name \\
                                ", 8\\n" #name " = area + " #at)
NAMED(fuse, 64);
NAMED(detonator, 72);
NAMED(lock, 80);
static volatile long sink, steps;
#define N __attribute__((noinline)) static void
"""


def draw(rng):
    order = list(range(FUNCTIONS))
    rng.shuffle(order)
    culprit, reader, *others = rng.sample(range(FUNCTIONS), READERS + 2)
    return {"order": order, "culprit": culprit, "reader": reader, "reads": rng.randint(20, 90),
            "values": [rng.randrange(1, 1 << 20) for _ in range(WRITES)],
            "kth": rng.randint(3, WRITES - 2), "byte": rng.randrange(READERS), "others": others,
            "noise": rng.randrange(1 << 30)}


def truth(params):
    order = params["order"]
    return [f"f{order[params['culprit']]}", params["reads"], params["values"][params["kth"] - 1],
            f"f{order[params['others'][params['byte']]]}"]


def ask(params):
    return [(25, "Which function writes `fuse`?"),
            (25, "How often does the program read `fuse`?"),
            (25, f"Which value does the write number {params['kth']} put into `detonator`?"),
            (25, f"Which function reads the byte `lock[{params['byte']}]`?")]


def body(params, i, rng):
    """The body of the function in place i of the table."""
    lines = [f"    area.noise[{rng.randrange(8)}] += {rng.randint(1, 99)};"]
    if i == params["culprit"]:  # through another name
        lines.append("    *(area.noise + 8 + (steps & 0)) = steps * 7 + 3;")
    if i == params["reader"]:
        lines.append(f"    for (int k = 0; k < {params['reads']}; k++)\n"
                     "        sink += ((volatile short *)&fuse)[1];")
    if i in params["others"]:
        lines.append(f"    sink += lock[{params['others'].index(i)}];")
    rng.shuffle(lines)
    return "\n".join(lines + ["    steps++;"])


def source(params):
    rng, order = random.Random(params["noise"]), params["order"]
    key = rng.randrange(1 << 20)
    functions = [f"N f{order[i]}(void)\n{{\n{body(params, i, rng)}\n}}\n"
                 for i in range(FUNCTIONS)]
    wanted = [int(str(answer).lstrip("f")) ^ key for answer in truth(params)]
    return FRAME + "".join(sorted(functions)) + f"""
static void (*const table[])(void) = {{{", ".join(f"f{n}" for n in order)}}};
static const int values[] = {{{", ".join(str(v ^ key) for v in params["values"])}}};
static const int wanted[] = {{{", ".join(map(str, wanted))}}};
static volatile int key = {key};

int main(int argc, char **argv)
{{
    for (int i = 0; i < {WRITES}; i++)
        detonator = values[i] ^ key;
    for (int i = 0; i < {FUNCTIONS}; i++)
        table[i]();
    for (int i = 1; i < argc && i <= 4; i++) {{
        int said = atoi(argv[i] + (argv[i][0] == 'f'));
        printf("phase %d: %s\\n", i, said == (wanted[i - 1] ^ key) ? "defused" : "BOOM");
    }}
    if (argc < 5)
        puts("usage: bomb ANSWER1 ANSWER2 ANSWER3 ANSWER4");
    return 0;
}}
"""


def compile_bomb(params, out):
    with tempfile.TemporaryDirectory(prefix="dr7-bomb-") as top:
        with open(top + "/b.c", "w", encoding="utf-8") as f:
            f.write(source(params))
        bench.make_program(lab.ROOT, [top + "/b.c"], out, "-O1", "-fno-inline")


def prepare(out, params):
    compile_bomb(params, out + "/bomb")


# ---- The proof that the way of the hand-out leads to the answers ----

def prove(params, _truth):
    bad, perf = [], lab.ROOT + "/build/user/bin/perf"
    with tempfile.TemporaryDirectory(prefix="dr7-bomb-") as top:
        bomb = top + "/bomb"
        compile_bomb(params, bomb)
        said, _ = machine.execute(lab.ROOT, BUILD, bomb, " ".join(map(str, truth(params))))
        if said.count("defused") != 4:
            bad.append(f"the right answers do not defuse it: {said!r}")
        said = machine.execute(lab.ROOT, BUILD, perf,
                               "stat -e mem:fuse/8:w:u,mem:fuse/8:rw:u /bomb", files=bomb)
        lines = "\n".join(said).splitlines()
        counts = [int(line.split()[0]) for line in lines if "mem:" in line]
        if counts != [1, params["reads"] + 1]:
            bad.append(f"perf counts {counts} writes and accesses of fuse: {said!r}")
    return bad

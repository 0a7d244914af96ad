# The lab "mydbg": a debugger that finds out who writes to a variable, on dr7 and on Linux.
#
# A student's number decides LIMIT, how many hits are reported, and READS: whether reads are hits,
# too.
from labs import functions

TITLE = "L7 A debugger: the program"
HOURS = 4
NEEDS = "C"
FILE = "mydbg.c"
KIND = functions
FLAVOUR = "program"
GIVEN = ["judge.py", "truth.py", "target.c"]
TOGETHER = 10

NEW = {FILE: "mydbg.c"}

# name: (points alone, first hint, what the starter has in its place)
FUNCTIONS = {
    "start": (15, "fork(); the child asks to be traced, then executes. When does it stop?", """{
    (void)argv;
    return -1;
}"""),
    "attach": (10, "PTRACE_ATTACH sends a signal. Who waits until the process has stopped?", """{
    (void)pid;
    return false;
}"""),
    "watch": (20, "write_dr(): the address, and DR7 with L0, R/W0 and LEN0. What does the kernel "
                  "say of an odd address?", """{
    (void)p;
    return false;
}"""),
    "value_of": (10, "PTRACE_PEEKDATA gives eight bytes.", """{
    (void)p;
    return 0;
}"""),
    "take_hit": (10, "bit 0 of DR6. What makes it 0 again?", """{
    (void)pid;
    return false;
}"""),
    "report": (10, "the old value is the one that you have remembered.", """{
    (void)p;
}"""),
    "debug": (15, "PTRACE_CONT, then waitpid(). Which signals does the process get, and which not?",
              """{
    (void)p;
    return -1;
}"""),
}

# name: (function, old, new, advice)
MISTAKES = {
    "start-untraced": (
        "start", "        ptrace(PTRACE_TRACEME, 0, 0, 0);\n", "",
        "Nobody traces the child: it must ask for it, before it executes the program."),
    "start-arguments": (
        "start", "execv(argv[0], argv)", "execv(argv[0], argv + 1)",
        "argv[0] is an argument, too: the program's name."),
    "attach-seize": (
        "attach", "PTRACE_ATTACH", "PTRACE_SEIZE",
        "PTRACE_SEIZE does not stop the process: you wait until it ends."),
    "attach-no-wait": (
        "attach", " && waitpid(pid, &status, 0) == pid &&\n           WIFSTOPPED(status)", " && "
        "(status = 1)",
        "The process has got a signal, but still runs. Wait for its stop: until then its registers "
        "are not yours."),
    "watch-length": (
        "watch", "p->len == 8 ? 2 : p->len - 1", "p->len - 1",
        "LEN is 0, 1, 3 and 2 for 1, 2, 4 and 8 bytes (SDM 18.2.4)."),
    "watch-longer": (
        "watch", "p->len == 8 ? 2 : p->len - 1", "p->len > 2 ? 2 : p->len - 1",
        "LEN = 2 is eight bytes, LEN = 3 is four (SDM 18.2.4)."),
    "watch-reads": (
        "watch", "const uint64_t kind = 1;", "const uint64_t kind = 3;",
        "R/W = 3 is hit by reads as well. Yours are writes only."),
    "watch-refused": (
        "watch", "           write_dr(p->pid, 7, 1 | kind << 16 | len << 18) == 0;",
        "           write_dr(p->pid, 7, 1 | kind << 16 | len << 18) >= 0;",
        "The kernel may refuse the condition. Then you must say so."),
    "value-word": (
        "value_of", "p->len < 8 ? value & ((1ull << 8 * p->len) - 1) : value", "value",
        "Only p->len bytes belong to the point. The others belong to its neighbours."),
    "value-byte": (
        "value_of", "p->len < 8 ? value & ((1ull << 8 * p->len) - 1) : value", "value & 255",
        "A value has p->len bytes. You keep one."),
    "hit-always": (
        "take_hit", "bool hit = read_dr(pid, 6) & 1;", "bool hit = true;",
        "Not every SIGTRAP is yours: a program may have an INT3 of its own."),
    "hit-stays": (
        "take_hit", "    write_dr(pid, 6, 0);\n", "",
        "DR6 still says that DR0 was hit when the process stops for another reason. Make it 0."),
    "report-new-twice": (
        "report", "    p->value = value_of(p);\n", "    old = p->value = value_of(p);\n",
        "The old value is what you remembered, not what is there now."),
    "report-forgets": (
        "report", "    p->value = value_of(p);\n    printf(\"%llx: %lx -> %lx\\n\", regs.rip, old, "
        "p->value);\n", "    printf(\"%llx: %lx -> %lx\\n\", regs.rip, old, value_of(p));\n",
        "Remember the new value: it is the old one next time."),
    "report-stack": (
        "report", "regs.rip", "regs.rsp",
        "RIP says where the program is."),
    "debug-swallows": (
        "debug", "signal = WSTOPSIG(status);",
        "signal = WSTOPSIG(status) == SIGTRAP ? SIGTRAP : 0;",
        "Signals that are not yours must reach the process: the last argument of PTRACE_CONT."),
    "debug-passes-on": (
        "debug", "            signal = 0;\n", "",
        "SIGTRAP of your own watchpoint is not for the process: it may die, or run its handler."),
    "debug-no-limit": (
        "debug", "                write_dr(p->pid, 7, 0);", "                ;",
        "After the last report nothing is watched any more: DR7."),
    "debug-ends": (
        "debug", "                write_dr(p->pid, 7, 0);", "                return 0;",
        "After the last report the process runs on, and you wait for its end."),
}

PUBLIC = {"LIMIT": 6, "READS": 0}  # the practice set
VARIANTS = [{"LIMIT": limit, "READS": reads} for limit in (4, 5, 7) for reads in (0, 1)]


def edits(params):
    """The rules of these parameters: (file, function, old, new)."""
    found = [(FILE, "debug", "const int limit = 6;", f"const int limit = {params['LIMIT']};")]
    if params["READS"]:
        found.append((FILE, "watch", "const uint64_t kind = 1; // writes",
                      "const uint64_t kind = 3; // reads and writes"))
    return found


def rule(params):
    return (f"**LIMIT = {params['LIMIT']}, and hits are "
            f"{'reads and writes' if params['READS'] else 'writes'}.** You report the first "
            f"{params['LIMIT']} hits. " +
            ("A read has a line, too: its old and its new value are the same."
             if params["READS"] else "A read is no hit."))

# The lab "museum": tests that see historical bugs. They are graded by what they say of kernels with
# and without bugs. The body of each test is cut out.
from labs import functions

TITLE = "L10 Bug museum"
HOURS = 5
NEEDS = "C"
FILE = "tests.c"
KIND = functions
FLAVOUR = "program"
GIVEN = ["judge.py", "bugs.py", "museum.c", "museum.h"]
TOGETHER = 10

NEW = {FILE: "tests.c"}

STUB = """{
    return true; // whatever the kernel does
}"""

FUNCTIONS = {
    "calls_are_counted": (18, "how often is museum_call() to be hit, and what must end the test in "
                              "a kernel that hits it for ever?", STUB),
    "neighbours_stay": (18, "four breakpoints are open. One is closed. Which others still count?",
                        STUB),
    "refused_leaves_nothing": (18, "what can be opened after four refusals?", STUB),
    "refused_changes_nothing": (18, "count an access that must count, and do one that must not.",
                                STUB),
    "debugger_reads_back": (18, "write DR7 and read it; write one that is refused, and read again; "
                                "let the child go on.", STUB),
}

MISTAKES = {
    "no-limit": (
        "calls_are_counted", "bool right = ioctl(fd, PERF_EVENT_IOC_REFRESH, 1) == 0;",
        "bool right = ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) == 0;",
        "In a kernel that forgets RF your test never ends. Let the event switch itself off after "
        "so many hits: sample_period and PERF_EVENT_IOC_REFRESH."),
    "not-exact": (
        "calls_are_counted", "bp_read(fd) == 100", "bp_read(fd) < 500",
        "A count that is only nearly right is wrong: compare with the exact number."),
    "wrong-register": (
        "calls_are_counted", "for (int i = 0; i < own; i++) // they",
        "for (int i = 0; i < own + 1; i++) // they",
        "The bug is in one register. Yours is another one: how many breakpoints did you open "
        "before?"),
    "only-itself": (
        "neighbours_stay", "bp_read(fd[i]) == (i == own ? 0 : 2 * rounds)",
        "(i != own || bp_read(fd[i]) == 0)",
        "You look at the breakpoint that was closed. The bug is what happens to the others."),
    "goes-only": (
        "neighbours_stay", "const int rounds = 2;", "const int rounds = 1;",
        "Closing is one half. A breakpoint that comes writes DR7, too: count after it is open "
        "again."),
    "one-refusal": (
        "refused_leaves_nothing",
        "right = right && fd[i] >= 0;", "right = right && (i > 0 || fd[i] >= 0);",
        "After the refusals all four breakpoints must be granted. You look at the first only."),
    "wrong-errno": (
        "refused_leaves_nothing", "errno == EINVAL", "errno == ENOSPC",
        "A malformed request is refused with EINVAL. ENOSPC is for a full machine."),
    "nobody-asks": (
        "refused_leaves_nothing", "        right = right && bp_open_attr(&bad, 0, -1) < 0 && "
        "errno == EINVAL;", "        (void)bad;",
        "Nothing is refused in your test. Ask for something that must be refused, first."),
    "only-refused": (
        "refused_changes_nothing", "right = right && bp_read(fd) == 10;", "",
        "That it is refused is not all: does the breakpoint still count as before?"),
    "no-reads": (
        "refused_changes_nothing", "museum_word[0] = museum_word[0] + 1;", "museum_word[0] = 1;",
        "It counts what it should. Does it also count what it should not, such as a read?"),
    "never-goes": (
        "debugger_reads_back",
        "right = right && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;", "(void)status;",
        "DR7 may read back right. Only when the child goes on does it show whether the register is "
        "still armed."),
}

PUBLIC = {"OWN": 0}  # the practice set
VARIANTS = [{"OWN": 1}, {"OWN": 2}, {"OWN": 3}]
REFUSALS = ["a length of 3", "a misaligned address", "a wish to watch reads alone",
            "an address of the kernel"]


def edits(params):
    """The solution of this set."""
    return [(FILE, name, "const int own = 0;", f"const int own = {params['OWN']};")
            for name in FUNCTIONS]


def rule(params):
    own = params["OWN"]
    return (f"**Your number is {own}.** In your kernels register {own} goes wrong. The refusal "
            f"that is handled wrongly is the one of {REFUSALS[own]} "
            f"(`museum_refused({own})`).")

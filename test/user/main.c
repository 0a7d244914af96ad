// The runner: each test has its own process and a time limit. The report is KTAP.
#include "test/user/utest.h"
#include "user/help.h"
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

HELP("utest [-l] [div=N] [seconds=N] [[-]NAME...]: the programs' tests; -l lists");

#define TIME_LIMIT_MS  240000
#define POLL_MS        5
#define FAILURES_SHOWN 10
#define EXIT_FAILED    1
#define EXIT_SKIPPED   77

extern const struct utest __start_utests[], __stop_utests[];

const char *utest_self;
static int failures;
static long divisor = 1, seconds;
static int reason_fd = -1; // a skipped test writes its reason here

static void say(const char *prefix, const char *fmt, va_list ap)
{
    char text[512];
    int n = snprintf(text, sizeof text, "# %s", prefix);

    n += vsnprintf(text + n, sizeof text - (size_t)n - 1, fmt, ap);
    if (n > (int)sizeof text - 2)
        n = sizeof text - 2;
    text[n++] = '\n';
    write(STDOUT_FILENO, text,
          (size_t)n); // one write, so that lines of several processes stay whole
}

void utest_fail(const char *file, int line, const char *fmt, ...)
{
    char where[96];
    va_list ap;

    if (failures++ >= FAILURES_SHOWN)
        return;
    snprintf(where, sizeof where, "%s:%d: ", file, line);
    va_start(ap, fmt);
    say(where, fmt, ap);
    va_end(ap);
}

void utest_note(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
}

void utest_skip(const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (failures == 0)
        write(reason_fd, text, strlen(text));
    _exit(failures ? EXIT_FAILED : EXIT_SKIPPED);
}

int utest_failures(void)
{
    return failures;
}

long scaled(long n)
{
    return n / divisor > 0 ? n / divisor : 1;
}

long test_seconds(void)
{
    return seconds;
}

// False for a kernel built without breakpoints: it does not know the type of event.
static bool breakpoints_exist(void)
{
    return bp_open(HW_BREAKPOINT_EMPTY, NULL, 0) >= 0 || errno != ENOENT;
}

// True if a watchpoint really fires. Some hypervisors let a program set one, but never deliver the
// exception.
static bool breakpoints_count(void)
{
    static volatile long watched;
    int fd = bp_open(HW_BREAKPOINT_W, &watched, sizeof watched);

    watched = 1;
    bool counts = fd >= 0 && bp_read(fd) == 1;
    close(fd);
    return counts;
}

// True if these rules are chosen already. To choose them again fails while a breakpoint exists.
static bool rules_are(const char *wanted)
{
    char now[32] = "";

    read_text(RULES_FILE, now, sizeof now);
    now[strcspn(now, "\n")] = '\0';
    return strcmp(now, wanted) == 0;
}

static void run_in_child(const struct utest *t, int reason)
{
    reason_fd = reason;
    setpgid(0, 0); // the runner can then kill all that the test has started
    if (t->needs != ANYWHERE && !breakpoints_exist())
        utest_skip("this kernel has no breakpoints");
    if (t->needs > NEEDS_TYPE && !on_dr7()) {
        if (t->needs == NEEDS_DR7)
            utest_skip("needs " RULES_FILE ", which only dr7 has");
        if (!breakpoints_count())
            utest_skip("breakpoints do not fire on this machine");
        if (t->needs == NEEDS_SEVERAL && on_tcg())
            utest_skip("QEMU's debug registers mislead Linux");
    }
    if (t->rules && !rules_are(t->rules) && write_text(RULES_FILE, t->rules) != 0)
        utest_fail(__FILE__, __LINE__, "rules %s: %s", t->rules, strerror(errno));
    t->fn();
    _exit(failures ? EXIT_FAILED : 0);
}

// Returns the wait status of the child. At the end of its time the child is killed.
static int wait_limited(pid_t pid)
{
    uint64_t end = now_ns() + TIME_LIMIT_MS * 1000000ull;
    int status = 0;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ns() > end) {
            utest_note("still running after %d s: killed", TIME_LIMIT_MS / 1000);
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
            return wait_for(pid);
        }
        sleep_ms(POLL_MS);
    }
    kill(-pid, SIGKILL); // children that it left behind
    return status;
}

// A test fails if it leaves slots occupied. Its last processes may still be ending, so the check
// waits a moment.
static bool slots_leaked(long before)
{
    long now = hwbp_sum("hwbp", "live");

    for (int tries = 0; now != before && tries < 100; tries++) {
        sleep_ms(POLL_MS);
        now = hwbp_sum("hwbp", "live");
    }
    if (now != before)
        utest_note("the test %s %ld breakpoint%s", now > before ? "left" : "took away",
                   labs(now - before), labs(now - before) == 1 ? "" : "s");
    return now != before;
}

static bool run_test(const struct utest *t, int number)
{
    char reason[256] = "", rules[32] = "";
    int ends[2];

    if (pipe(ends) != 0) {
        utest_note("pipe: %s", strerror(errno));
        return false;
    }
    long live = hwbp_sum("hwbp", "live");
    read_text(RULES_FILE, rules, sizeof rules);
    pid_t pid = fork();
    if (pid == 0)
        run_in_child(t, ends[1]);
    close(ends[1]);
    int status = pid < 0 ? -1 : wait_limited(pid);
    ssize_t n = read(ends[0], reason, sizeof reason - 1);
    reason[n > 0 ? n : 0] = '\0';
    close(ends[0]);

    bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;
    bool passed = status == 0 || skipped;
    if (pid < 0)
        utest_note("fork: %s", strerror(errno));
    else if (WIFSIGNALED(status))
        utest_note("ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    if (slots_leaked(live))
        passed = false;
    else if (*rules)
        write_text(RULES_FILE, rules);
    printf("%s %d %s%s%s\n", passed ? "ok" : "not ok", number, t->name, skipped ? " # SKIP " : "",
           skipped ? reason : "");
    fflush(stdout);
    return passed;
}

// True if the word is the test's name, or the part before the name's dot.
static bool names_it(const char *word, const char *name)
{
    size_t n = strlen(word);

    return strncmp(word, name, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

// Without names all tests are chosen. A dash before a name leaves that test out.
static bool chosen(const struct utest *t, char **names, int count)
{
    bool wanted = true;

    for (int i = 0; i < count; i++)
        if (names[i][0] != '-')
            wanted = false;
    for (int i = 0; i < count; i++)
        if (names[i][0] == '-' && names_it(names[i] + 1, t->name))
            return false;
        else
            wanted |= names_it(names[i], t->name);
    return wanted;
}

int main(int argc, char **argv)
{
    const char *env = getenv("UTEST_DIV");
    char *names[64];
    int count = 0, plan = 0, number = 0, failed = 0;
    bool list = false;

    utest_self = argv[0];
    help_if_asked(argc, argv);
    if (argc > 2 && strcmp(argv[1], EXEC_MARK) == 0)
        return after_exec(argc - 2, argv + 2);
    if (env)
        divisor = atol(env);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-l") == 0)
            list = true;
        else if (strncmp(argv[i], "div=", 4) == 0)
            divisor = atol(argv[i] + 4);
        else if (strncmp(argv[i], "seconds=", 8) == 0)
            seconds = atol(argv[i] + 8);
        else if (count < (int)(sizeof names / sizeof names[0]))
            names[count++] = argv[i];
    }
    if (divisor < 1)
        divisor = 1;
    for (const struct utest *t = __start_utests; t < __stop_utests; t++) {
        if (list)
            printf("%s\n", t->name);
        plan += chosen(t, names, count);
    }
    if (list)
        return 0;
    if (plan == 0) {
        fprintf(stderr, "utest: no test of that name (utest -l lists them)\n");
        return 2;
    }
    printf("KTAP version 1\n1..%d\n", plan);
    if (divisor > 1)
        printf("# loop counts divided by %ld\n", divisor);
    fflush(stdout);
    for (const struct utest *t = __start_utests; t < __stop_utests; t++)
        if (chosen(t, names, count))
            failed += !run_test(t, ++number);
    return failed ? EXIT_FAILED : 0;
}

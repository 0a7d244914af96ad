// The demonstration: breakpoints that follow their tasks, the rule that refuses one and the rule
// that grants it, and a watch on the kernel itself. Every number is measured while it runs.
#define _GNU_SOURCE
#include "user/bp.h"
#include "user/clock.h"
#include "user/help.h"
#include "user/trace.h"
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

HELP("demo [-l] [-s FACTOR] [-n ROUNDS]: breakpoints that follow their tasks\n"
     "-l: tasks A to H go on until Ctrl-C, so that bptop shows them\n"
     "-s: slow motion: each round lasts FACTOR times as long");

#define TASKS        8       // A to H
#define MAX_WATCHES  3       // per task, so that the rules of 2009 admit all of them
#define ROUNDS       100     // the default of -n
#define ACCESSES     5       // writes to each watched variable per round
#define ROUND_NS     1500000 // a round lasts this long, times -s: ticks preempt some
#define MAX_CPUS     64
#define SHOWN_CPUS   8
#define WATCH_SYMBOL "next_tid" // a kernel variable that fork writes

// What the tasks watch. After fork each has its own copy, at the same address.
static volatile long cell[BP_REGISTERS] __attribute__((aligned(64)));

// One reading of /proc/hwbp: the task whose watchpoint each register holds.
struct snapshot {
    int held;
    char letter[MAX_CPUS][BP_REGISTERS];
    unsigned long addr[MAX_CPUS][BP_REGISTERS];
};

// The tasks' reports to their parent, in memory that fork shares.
struct report {
    volatile bool ready, done;
    pid_t pid;
    int watches;
    volatile int error; // errno of the first breakpoint refused
    volatile long made, counted, moves;
    struct snapshot best;       // the reading of this task with most registers held
    bool seen[MAX_CPUS][TASKS]; // who held a register there in any reading
};

struct shared {
    volatile bool go, stop, leave;
    struct report task[TASKS];
};
static struct shared *shared;

static long rounds = ROUNDS;
static uint64_t round_ns = ROUND_NS;
static int cpus;
static bool failed;

static void title(const char *text)
{
    printf("\n%s\n", text);
    for (size_t i = 0; i < strlen(text); i++)
        putchar('-');
    putchar('\n');
}

// ---- 1: tasks A to H ----

static void move_to_next_cpu(int *cpu)
{
    cpu_set_t one;

    *cpu = (*cpu + 1) % cpus;
    CPU_ZERO(&one);
    CPU_SET(*cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static void count_moves(struct report *me, int *last_cpu)
{
    unsigned cpu;

    if (syscall(SYS_getcpu, &cpu, NULL, NULL) == 0 && (int)cpu != *last_cpu) {
        me->moves += *last_cpu >= 0;
        *last_cpu = (int)cpu;
    }
}

static char letter_of(long pid)
{
    for (int i = 0; i < TASKS; i++)
        if (shared->task[i].pid == pid)
            return (char)('A' + i);
    return '?';
}

static void take_snapshot(struct snapshot *s)
{
    static char text[65536];

    memset(s, 0, sizeof *s);
    if (read_text(HWBP_FILE, text, sizeof text) < 0)
        return;
    for (const char *line = text; line; line = next_line(line)) {
        int c, reg;
        long pid;
        unsigned long addr;
        if (sscanf(line, "reg %d %d task=%ld comm=%*s addr=%lx", &c, &reg, &pid, &addr) != 4 ||
            c < 0 || c >= MAX_CPUS || reg < 0 || reg >= BP_REGISTERS)
            continue;
        s->held++;
        s->letter[c][reg] = letter_of(pid);
        s->addr[c][reg] = addr;
    }
}

// A running task holds its registers, so the tasks themselves see more than their parent.
static void look_around(struct report *me)
{
    static struct snapshot now;

    take_snapshot(&now);
    if (now.held > me->best.held)
        me->best = now;
    for (int c = 0; c < MAX_CPUS; c++)
        for (int reg = 0; reg < BP_REGISTERS; reg++)
            if (now.letter[c][reg] >= 'A' && now.letter[c][reg] < 'A' + TASKS)
                me->seen[c][now.letter[c][reg] - 'A'] = true;
}

static void task_main(int number)
{
    struct report *me = &shared->task[number];
    int fds[MAX_WATCHES], last_cpu = -1, cpu = number;
    const char name[] = {(char)('A' + number), '\0'};

    prctl(PR_SET_NAME, name);
    for (int i = 0; i < me->watches; i++) {
        fds[i] = bp_open(HW_BREAKPOINT_W, &cell[i], sizeof cell[i]);
        if (fds[i] < 0)
            me->error = errno;
    }
    me->ready = true;
    while (!shared->go)
        sleep_ms(1);
    for (long round = 0; round < rounds && !shared->stop && !me->error; round++) {
        uint64_t end = now_ns() + round_ns;
        for (int n = 0; n < ACCESSES; n++) {
            for (int i = 0; i < me->watches; i++) {
                cell[i] = round;
                me->made++;
            }
        }
        while (now_ns() < end)
            count_moves(me, &last_cpu);
        if (round % 5 == 0)
            look_around(me);
        if (round % 3 == 0)
            sched_yield();
        if (round % 10 == number)
            move_to_next_cpu(&cpu);
    }
    for (int i = 0; i < me->watches && !me->error; i++)
        me->counted += bp_read(fds[i]);
    me->done = true;
    while (!shared->leave)
        sleep_ms(5);
    _exit(0);
}

static bool all_done(void)
{
    for (int i = 0; i < TASKS; i++)
        if (!shared->task[i].done)
            return false;
    return true;
}

static bool was_seen(int cpu, int task)
{
    for (int i = 0; i < TASKS; i++)
        if (shared->task[i].seen[cpu][task])
            return true;
    return false;
}

static void print_snapshot(void)
{
    const struct snapshot *s = &shared->task[0].best;

    for (int i = 1; i < TASKS; i++)
        if (shared->task[i].best.held > s->held)
            s = &shared->task[i].best;
    if (s->held == 0) {
        printf("\n(%s)\n", access(HWBP_FILE, F_OK)
                               ? "who held the registers: this kernel has no " HWBP_FILE
                               : "no task was seen with a register");
        return;
    }
    printf("\nWho held DR0-DR3: one moment, and all seen on that CPU over the whole run\n"
           "         DR0         DR1         DR2         DR3         all seen\n");
    for (int c = 0; c < cpus && c < SHOWN_CPUS; c++) {
        printf("  CPU %-2d", c);
        for (int reg = 0; reg < BP_REGISTERS; reg++) {
            if (s->letter[c][reg])
                printf(" %c %#-9lx", s->letter[c][reg], s->addr[c][reg]);
            else
                printf(" -          ");
        }
        for (int task = 0; task < TASKS; task++)
            if (was_seen(c, task))
                printf(" %c", 'A' + task);
        printf("\n");
    }
    if (cpus > SHOWN_CPUS)
        printf("  (and %d more CPUs)\n", cpus - SHOWN_CPUS);
}

static void print_tasks(void)
{
    long made = 0, counted = 0, wrong = 0;

    printf("\n  task   pid  watchpoints  accesses made  hits counted  switches  migrations\n");
    for (int i = 0; i < TASKS; i++) {
        struct report *t = &shared->task[i];
        bool right = t->made == t->counted && !t->error;
        printf("  %-4c %5d %12d %14ld %13ld %9ld %11ld%s\n", 'A' + i, t->pid, t->watches, t->made,
               t->counted, context_switches(t->pid), t->moves, right ? "" : "  <- WRONG");
        if (t->error)
            printf("       breakpoint refused: %s\n", strerror(t->error));
        made += t->made;
        counted += t->counted;
        wrong += !right;
    }
    if (wrong == 0)
        printf("Each of the %ld accesses was counted for the task that made it:\n"
               "none lost, none stray.\n",
               made);
    else
        printf("WRONG: %ld accesses, %ld hits; %ld tasks differ.\n", made, counted, wrong);
    if (wrong && access(HWBP_FILE, F_OK) != 0)
        printf("Linux in QEMU miscounts if a task has several: docs/compare.md says why.\n");
    failed |= wrong != 0;
}

static void print_cost(long switches, long writes, long installs)
{
    if (switches <= 0)
        return;
    printf("\nMeanwhile all CPUs together made %ld context switches, put a watchpoint into a\n"
           "register %ld times, and wrote DR0-DR3 and DR7 %ld times:\n"
           "%ld.%02ld writes per switch.\n",
           switches, installs, writes, writes / switches, writes * 100 / switches % 100);
}

static void tasks_part(void)
{
    title("1. Breakpoints follow their task");
    printf("Tasks A to H on %d CPU%s, each with 1 to 3 watchpoints at the same addresses\n"
           "from %p on. Each task has its own memory there.\n"
           "They write, yield, are preempted, and move.\n",
           cpus, cpus == 1 ? "" : "s", (void *)&cell[0]);
    if (rounds == LONG_MAX)
        printf("Ctrl-C ends them. To watch them: demo -l >/dev/null & bptop\n");
    fflush(stdout);
    for (int i = 0; i < TASKS; i++) {
        struct report *t = &shared->task[i];
        t->watches = 1 + i % MAX_WATCHES;
        pid_t pid = fork();
        if (pid == 0)
            task_main(i);
        t->pid = pid;
        while (t->pid > 0 && !t->ready)
            sleep_ms(1);
        if (t->pid < 0) {
            t->error = errno;
            t->done = true;
        }
    }
    long switches = hwbp_sum("cpu", "switches"), writes = hwbp_sum("cpu", "writes");
    long installs = hwbp_sum("cpu", "installs");
    shared->go = true;
    while (!all_done())
        sleep_ms(10);
    switches = hwbp_sum("cpu", "switches") - switches;
    writes = hwbp_sum("cpu", "writes") - writes;
    installs = hwbp_sum("cpu", "installs") - installs;
    print_snapshot();
    print_tasks();
    print_cost(switches, writes, installs);
    shared->leave = true;
    while (wait(NULL) > 0)
        continue;
}

// ---- 2: the fourth breakpoint ----

static void print_refusal(void)
{
    static char text[65536];
    const char *last = NULL;

    if (read_text(HWBP_FILE, text, sizeof text) < 0)
        return;
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, "refused ", 8) == 0)
            last = line + 8;
    if (last)
        printf("    The kernel's reason:\n    %.*s\n", (int)strcspn(last, "\n"), last);
}

// Under these rules this task takes all four breakpoints, then a child asks for its first. Prints
// whether the child got it.
static void ask_under(const char *rules, bool should_get_it)
{
    int fds[BP_REGISTERS], status;

    if (write_text(RULES_FILE, rules) != 0) {
        printf("rules %s: cannot be chosen: %s\n", rules, strerror(errno));
        failed = true;
        return;
    }
    for (int i = 0; i < BP_REGISTERS; i++)
        fds[i] = bp_open(HW_BREAKPOINT_W, &cell[i], sizeof cell[i]);
    printf("Rules \"%s\": task A takes its fourth breakpoint: %s.\n"
           "    Task B asks for its first: ",
           rules, fds[BP_REGISTERS - 1] >= 0 ? "granted" : "refused");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < BP_REGISTERS; i++)
            close(fds[i]);
        _exit(bp_open(HW_BREAKPOINT_W, &cell[0], sizeof cell[0]) >= 0 ? 0 : errno);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        printf("no answer\n");
        failed = true;
    } else if (WEXITSTATUS(status) == 0) {
        printf("granted.\n");
        failed |= !should_get_it;
    } else {
        printf("refused, %s.\n", strerror(WEXITSTATUS(status)));
        print_refusal();
        failed |= should_get_it;
    }
    for (int i = 0; i < BP_REGISTERS; i++) {
        failed |= fds[i] < 0;
        close(fds[i]);
    }
}

static void rules_part(void)
{
    char before[32];

    title("2. Who may have one: four registers, two rules");
    if (read_text(RULES_FILE, before, sizeof before) < 0) {
        printf("(no " RULES_FILE " here: nothing to choose)\n");
        return;
    }
    ask_under("2009", false);
    printf("    A and B never run on one CPU at once, so there was no need to refuse:\n");
    ask_under("exact", true);
    failed |= write_text(RULES_FILE, before) != 0;
}

// ---- 3: the kernel itself ----

static void kernel_part(void)
{
    static char text[65536];

    title("3. Who writes this kernel variable?");
    if (write_text(KSYM_FILTER_FILE, WATCH_SYMBOL ":-w-") != 0) {
        printf("(" KSYM_FILTER_FILE ": %s)\n", strerror(errno));
        failed |= errno != ENOENT || access(HWBP_FILE, F_OK) == 0;
        return;
    }
    printf("Traced on all CPUs: the kernel's \"" WATCH_SYMBOL
           "\". This program forks once. Caught:\n");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    failed |= read_text(KSYM_TRACE_FILE, text, sizeof text) <= 0 || print_trace(text, 1) == 0;
    failed |= write_text(KSYM_FILTER_FILE, "0") != 0 || write_text(KSYM_TRACE_FILE, "0") != 0;
}

static void stop_tasks(int sig)
{
    (void)sig;
    shared->stop = true;
}

// False if there are other arguments.
static bool read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "ls:n:")) != -1) {
        long value = optarg ? strtol(optarg, NULL, 10) : LONG_MAX;
        if (option == '?' || value < 1)
            return false;
        if (option == 's')
            round_ns = ROUND_NS * (uint64_t)value;
        else
            rounds = value;
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    cpu_set_t allowed;

    help_if_asked(argc, argv);
    if (!read_options(argc, argv))
        return help_wrong();
    setvbuf(stdout, NULL, _IOFBF, 4096);
    cpus = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("demo: shared memory");
        return 1;
    }
    int probe = bp_open(HW_BREAKPOINT_W, shared, 1);
    if (probe < 0 && errno == ENOENT) {
        printf("This kernel is built without breakpoints: there is nothing to show.\n");
        return 0;
    }
    close(probe);
    signal(SIGINT, stop_tasks);
    tasks_part();
    signal(SIGINT, SIG_DFL);
    rules_part();
    kernel_part();
    printf(failed ? "\nSomething above is not as this kernel promises: status 1.\n" : "\n");
    return failed;
}

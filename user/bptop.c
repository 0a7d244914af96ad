// bptop shows the events that hold a debug register, and the events that wait for one. It reads
// /proc/hwbp in each round (docs/hwbp.md). Rates are per second since the round before. On a
// terminal each task has a colour. A line is bright if its event was hit since the round before,
// and reversed if the event has moved to another register.
#define _GNU_SOURCE
#include "user/clock.h"
#include "user/help.h"
#include "user/proc.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

HELP("bptop [-n ROUNDS] [-d SECONDS]: like top, for the debug registers");

#define MAX_CPUS   64
#define MAX_EVENTS 512 // registers and waiting events of all CPUs
#define NO_LIMIT   0x7fffffff

// The counters of a line, by their names.
static const char *const counter_names[] = {"switches", "installs", "evictions", "writes",
                                            "db",       "spurious", "rotations"};
#define NR_COUNTERS (sizeof counter_names / sizeof *counter_names)

struct event {
    char key[128]; // identifies the event in the next round
    char place[16];
    uint64_t hits;
};

struct round {
    double time;
    int nr_events;
    struct event events[MAX_EVENTS];
    uint64_t counters[MAX_CPUS][NR_COUNTERS];
};

static struct round rounds[2], *now = &rounds[0], *before = &rounds[1];
static char text[65536];
static bool terminal;
static int rows_left, columns; // of the screen
static char look[24];          // of the next line: an escape sequence (ECMA-48 8.3.117, SGR) or ""

// Prints one line of the screen. Text that does not fit is cut off.
static void __attribute__((format(printf, 1, 2))) show(const char *fmt, ...)
{
    char line[256];
    va_list ap;

    if (rows_left <= 0)
        return;
    rows_left--;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    printf("%s%.*s%s%s\n", look, columns, line, *look ? "\x1b[m" : "", terminal ? "\x1b[K" : "");
    look[0] = '\0';
}

// Copies the word after " key=" in a line to buf. Without the key the word is empty.
static const char *word(const char *line, const char *key, char *buf, size_t size)
{
    char pattern[32];
    const char *end = strchrnul(line, '\n');
    int len = snprintf(pattern, sizeof pattern, " %s=", key);
    const char *at = strstr(line, pattern);

    buf[0] = '\0';
    if (at && at < end)
        snprintf(buf, size, "%.*s", (int)strcspn(at + len, " \n"), at + len);
    return buf;
}

static uint64_t number(const char *line, const char *key)
{
    char buf[32];

    return strtoull(word(line, key, buf, sizeof buf), NULL, 10);
}

static bool says(const char *line, const char *what)
{
    const char *at = strstr(line, what);

    return at && at < strchrnul(line, '\n');
}

// Returns the rate per second; 0 for a counter that did not exist a round ago.
static uint64_t rate(uint64_t value, uint64_t old)
{
    double passed = now->time - before->time;

    return before->time > 0 && value >= old ? (uint64_t)((double)(value - old) / passed + 0.5) : 0;
}

// The same event a round ago, or itself if there was none.
static const struct event *a_round_ago(const struct event *e)
{
    for (int i = 0; i < before->nr_events; i++)
        if (strcmp(before->events[i].key, e->key) == 0)
            return &before->events[i];
    return e;
}

static void choose_look(const struct event *e, const struct event *old, unsigned long task)
{
    if (terminal)
        snprintf(look, sizeof look, "\x1b[%s%s%lum", e->hits > old->hits ? "1;" : "",
                 strcmp(e->place, old->place) != 0 ? "7;" : "", task ? 31 + task % 6 : 37);
}

// The rest of a "reg" or "wait" line: an owner.
static void show_event(int cpu, const char *where, const char *line)
{
    char task[16], comm[32], addr[32], symbol[64], type[8], owner[48];
    struct event *e = &now->events[now->nr_events];

    if (now->nr_events == MAX_EVENTS)
        return;
    word(line, "task", task, sizeof task);
    word(line, "comm", comm, sizeof comm);
    word(line, "addr", addr, sizeof addr);
    word(line, "symbol", symbol, sizeof symbol);
    word(line, "type", type, sizeof type);
    if (*task)
        snprintf(owner, sizeof owner, "%s %s", task, comm);
    else
        snprintf(owner, sizeof owner, says(line, " wide ") ? "all CPUs" : "CPU %d", cpu);
    char *plus = strstr(symbol, "+0x0");
    if (plus && !plus[4])
        *plus = '\0';
    // The event of a task may be on another CPU then.
    snprintf(e->key, sizeof e->key, "%d %s %s %s", *task ? -1 : cpu, owner, addr, type);
    snprintf(e->place, sizeof e->place, "%d %s", cpu, where);
    e->hits = number(line, "hits");
    now->nr_events++;
    const struct event *old = a_round_ago(e);
    choose_look(e, old, strtoul(task, NULL, 10));
    uint64_t share = number(line, "share");
    show("%3d %s %-12.12s %-18.18s %3llu %-2s %-8s %9llu %6llu %3llu.%llu", cpu, where, owner,
         *symbol ? symbol : addr, (unsigned long long)number(line, "len"), type,
         says(line, " pinned ") ? "pinned" : "flexible", (unsigned long long)e->hits,
         (unsigned long long)rate(e->hits, old->hits), (unsigned long long)share / 10,
         (unsigned long long)share % 10);
}

static void show_registers(void)
{
    int cpu, reg, at;

    show("CPU REG OWNER        WHERE              LEN T  KIND          HITS HITS/S SHARE");
    for (const char *line = text; line; line = next_line(line)) {
        char name[] = "DR0";
        if (sscanf(line, "reg %d %d %n", &cpu, &reg, &at) == 2) {
            name[2] = (char)('0' + reg);
            if (line[at] == '-')
                show("%3d %s -", cpu, name);
            else
                show_event(cpu, name, line + at - 1);
        } else if (sscanf(line, "wait %d %n", &cpu, &at) == 1) {
            show_event(cpu, " - ", line + at - 1);
        }
    }
}

static void show_counters(void)
{
    int cpu, at;

    show("CPU  switch/s install/s   evict/s   write/s     #DB/s    turn/s  spurious");
    for (const char *line = text; line; line = next_line(line)) {
        if (sscanf(line, "cpu %d %n", &cpu, &at) != 1 || cpu < 0 || cpu >= MAX_CPUS)
            continue;
        unsigned long long r[NR_COUNTERS];
        for (size_t i = 0; i < NR_COUNTERS; i++) {
            now->counters[cpu][i] = number(line, counter_names[i]);
            r[i] = rate(now->counters[cpu][i], before->counters[cpu][i]);
        }
        show("%3d %9llu %9llu %9llu %9llu %9llu %9llu %9llu", cpu, r[0], r[1], r[2], r[3], r[4],
             r[6], (unsigned long long)now->counters[cpu][5]);
    }
}

static void show_refusals(void)
{
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, "refused ", 8) == 0)
            show("%.*s", (int)strcspn(line, "\n"), line);
}

static bool show_round(void)
{
    struct round *swap = before;
    struct winsize size;
    char rules[16];

    before = now;
    now = swap;
    now->nr_events = 0;
    if (read_text(HWBP_FILE, text, sizeof text) < 0) {
        perror("bptop: " HWBP_FILE);
        return false;
    }
    now->time = (double)now_ns() / 1e9;
    rows_left = columns = NO_LIMIT;
    if (terminal && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 && size.ws_col) {
        rows_left = size.ws_row - 1; // the cursor's line stays empty
        columns = size.ws_col - 1;   // a full line would begin the next one
    }
    if (terminal)
        printf("\x1b[H");
    show("bptop: %llu breakpoints, rules %s, %llu CPUs, up %.1f s",
         (unsigned long long)number(text, "live"), word(text, "rules", rules, sizeof rules),
         (unsigned long long)number(text, "cpus"), now->time);
    show_registers();
    show_counters();
    show_refusals();
    printf(terminal ? "\x1b[J" : "\n");
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    double delay = 1;
    long count = -1; // for ever
    int option;

    help_if_asked(argc, argv);
    while ((option = getopt(argc, argv, "n:d:")) != -1) {
        if (option == 'n')
            count = strtol(optarg, NULL, 10);
        else if (option == 'd')
            delay = strtod(optarg, NULL);
        else
            return help_wrong();
    }
    if (optind != argc || delay < 0)
        return help_wrong();
    static char buffer[65536]; // a round is written in one piece
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    terminal = isatty(1);
    if (terminal)
        printf("\x1b[2J");
    for (long i = 0; i != count; i++) {
        if (i)
            sleep_ms((long)(delay * 1000));
        if (!show_round())
            return 1;
    }
    return 0;
}

// perf stat: counts while a program runs.
#include "user/clock.h"
#include "user/perf/perf.h"
#include <errno.h>
#include <sys/wait.h>

struct counter {
    uint64_t count, enabled, running; // both times in ns
};

static bool open_all(struct events *events, pid_t pid, int fd[])
{
    for (int i = 0; i < events->n; i++) {
        struct perf_event_attr attr = events->list[i].attr;
        attr.sample_period = 0;
        attr.disabled = attr.enable_on_exec = attr.inherit = 1;
        attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
        fd[i] = bp_open_attr(&attr, pid, -1);
        if (fd[i] < 0) {
            fprintf(stderr, "perf: %s: %s\n", events->list[i].name, strerror(errno));
            return false;
        }
    }
    return true;
}

// Prints a count. If the event took turns, the count is an estimate, and its share of time follows.
static void show(const char *name, const struct counter *c)
{
    if (!c->running) {
        fprintf(stderr, "%20s      %s\n", "<not counted>", name);
    } else if (c->running >= c->enabled) {
        fprintf(stderr, "%20llu      %s\n", (unsigned long long)c->count, name);
    } else {
        double part = (double)c->running / (double)c->enabled;
        fprintf(stderr, "%20.0f      %-40s (%.2f%%)\n", (double)c->count / part, name, 100 * part);
    }
}

int cmd_stat(int argc, char **argv)
{
    static struct events events;
    char *options[MAX_EVENTS], *path;
    int fd[MAX_EVENTS], n = 0, option, status;
    struct child child;
    struct counter c;

    while ((option = getopt(argc, argv, "+e:")) != -1) {
        if (option != 'e' || n == MAX_EVENTS)
            return USAGE;
        options[n++] = optarg;
    }
    if (!n)
        options[n++] = "task-clock,context-switches,cpu-migrations,page-faults";
    if (optind == argc)
        return USAGE;
    if (!(path = find_program(argv[optind])) || !events_parse(&events, options, n, path) ||
        !child_start(&child, path, argv + optind))
        return 1;
    if (!open_all(&events, child.pid, fd))
        return child_abandon(&child);
    uint64_t start = now_ns();
    child_go(&child);
    waitpid(child.pid, &status, 0);
    uint64_t end = now_ns();

    fprintf(stderr, "\n Performance counter stats for '%s", argv[optind]);
    for (int i = optind + 1; i < argc; i++)
        fprintf(stderr, " %s", argv[i]);
    fprintf(stderr, "':\n\n");
    for (int i = 0; i < events.n; i++) {
        if (read(fd[i], &c, sizeof c) != sizeof c) // end of file: the event got no register
            memset(&c, 0, sizeof c);
        show(events.list[i].name, &c);
    }
    fprintf(stderr, "\n%20.9f seconds time elapsed\n\n", (double)(end - start) / 1e9);
    return exit_status(status);
}

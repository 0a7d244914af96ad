// Events that are switched on and off, and what they say; works on Linux, too. The first argument
// is the length of a step in ms. Each further one is a scene: events, ":", steps. Letters of events
// without a comma between them are a group. p: a pinned breakpoint; f: a flexible one; x: a
// flexible one that is exclusive; k: the clock task-clock. The steps: "+N" switches event N on,
// "-N" off; "w" writes each event's variable once in each round, "r" reads all events again and
// again, "s" sleeps. Prints after each step the time, and each event's count, time enabled and time
// running; "W" is a "w" that reads and prints nothing.
#include "user/bp.h"
#include "user/clock.h"
#include <stdio.h>
#include <stdlib.h>

#define MAX_EVENTS 8
#define MAX_SCENES 8

struct values {
    uint64_t count, enabled, running; // the latter in ns
};

volatile long cell[MAX_SCENES][MAX_EVENTS] __attribute__((aligned(4096)));
static int fd[MAX_EVENTS], nr;
static uint64_t step_ns;

static int open_event(char kind, volatile long *at, int leader)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, at, 8);
    attr.pinned = kind == 'p' && leader < 0;
    attr.exclusive = kind == 'x';
    attr.disabled = leader < 0;
    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    if (kind == 'k') {
        attr.type = PERF_TYPE_SOFTWARE;
        attr.config = PERF_COUNT_SW_TASK_CLOCK;
        attr.bp_type = attr.bp_len = 0;
        attr.exclude_kernel = 0;
    }
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, leader, 0ul);
}

// Opens the events of a scene. Returns where its steps begin.
static const char *open_all(const char *scene, volatile long *at)
{
    int leader = -1;
    for (nr = 0; *scene != ':'; scene++) {
        if (*scene == ',') {
            leader = -1;
            continue;
        }
        if ((fd[nr] = open_event(*scene, &at[nr], leader)) < 0) {
            perror(scene);
            exit(1);
        }
        leader = leader < 0 ? fd[nr] : leader;
        nr++;
    }
    return scene + 1;
}

static void read_all(struct values *v)
{
    for (int i = 0; i < nr; i++)
        if (read(fd[i], &v[i], sizeof v[i]) != sizeof v[i])
            memset(&v[i], 0, sizeof v[i]);
}

static void show(char step)
{
    struct values v[MAX_EVENTS];
    uint64_t now = now_ns();
    read_all(v);
    printf("step %c %lu", step, now);
    for (int i = 0; i < nr; i++)
        printf(" %lu %lu %lu", v[i].count, v[i].enabled, v[i].running);
    printf("\n");
}

static void work(char step, volatile long *at)
{
    struct values v[MAX_EVENTS];
    for (uint64_t end = now_ns() + step_ns; now_ns() < end;) {
        if (step == 'r')
            read_all(v);
        for (int i = 0; i < nr; i++)
            at[i] = (long)end;
    }
}

static void play(const char *scene, volatile long *at)
{
    printf("scene %s\n", scene);
    for (const char *step = open_all(scene, at); *step; step++) {
        char what = *step;
        if (what == '+' || what == '-')
            ioctl(fd[*++step - '0'], what == '+' ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE,
                  0);
        else if (what == 's')
            sleep_ms((long)(step_ns / 1000000));
        else
            work(what, at);
        if (what != 'W')
            show(what);
    }
    for (int i = 0; i < nr; i++)
        close(fd[i]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    // A scene is printed when it is over. So no step waits for the console.
    static char text[1 << 16];
    setvbuf(stdout, text, _IOFBF, sizeof text);
    step_ns = argc > 1 ? strtoul(argv[1], NULL, 10) * 1000000 : 0;
    for (int i = 2; i < argc && i - 2 < MAX_SCENES; i++)
        play(argv[i], cell[i - 2]);
    return 0;
}

// Random trees of processes and threads under inherited events: who forks, starts a thread, runs
// another program, makes accesses, ends. After each tree the counts, which must be those of the
// accesses that were made by whom the event follows.
//
//   gen_inherit SEED OPERATIONS
//   gen_inherit exec ACCESSES...    what a process becomes when it runs another program
#define _GNU_SOURCE
#include "test/compare/gen.h"
#include <pthread.h>
#include <sys/wait.h>

#define EVENTS    3
#define DEEP      4 // generations at most
#define EXEC_MARK "exec"

struct event {
    int fd; // -1: closed
    struct perf_event_attr attr;
    bool on;
    uint64_t made;
};

// The events that still follow a task, and whether they count there.
struct followed {
    bool by[EVENTS], on[EVENTS];
};

static struct event events[EVENTS];
static int left; // operations

// All that happens is drawn, and the model moved, before the fork, by the first process: a tree is
// a list of steps in the order of a walk through it.
enum { MAKE, FORK, THREAD, EXEC, END };

struct step {
    int what;
    struct access access;
};

#define MAX_STEPS 64
static struct step steps[MAX_STEPS];
static int nr_steps;

// ---- drawing a tree ----

static void count(const struct followed *f, struct access a)
{
    for (int i = 0; i < EVENTS; i++)
        if (events[i].fd >= 0 && f->by[i] && f->on[i] &&
            gen_hits(a, events[i].attr.bp_type, events[i].attr.bp_addr, events[i].attr.bp_len))
            events[i].made++;
}

static struct step *add(int what)
{
    struct step *s = &steps[nr_steps++];

    *s = (struct step){.what = what};
    left--;
    return s;
}

static struct access pick_access(void)
{
    const struct event *e = &events[gen_below(EVENTS)];
    struct access a = gen_access();

    if (e->fd >= 0 && e->attr.bp_type != HW_BREAKPOINT_X && gen_chance(70)) {
        a.call = false;
        a.len = 4;
        a.at = (uint32_t)(e->attr.bp_addr - (uintptr_t)ARENA) & ~3u;
    }
    return a;
}

static struct followed inherited(const struct followed *f, bool thread)
{
    struct followed child = *f;

    for (int i = 0; i < EVENTS; i++)
        child.by[i] &= events[i].attr.inherit && (thread || !events[i].attr.inherit_thread);
    return child;
}

static void after_exec(struct followed *f)
{
    for (int i = 0; i < EVENTS; i++) {
        f->by[i] &= !events[i].attr.remove_on_exec;
        f->on[i] |= events[i].attr.enable_on_exec;
    }
}

static void show_step(int depth, const struct step *s)
{
    static const char *const names[] = {"", "fork", "thread", "exec", "end"};

    printf("%*s%s", 2 * depth + 2, "", names[s->what]);
    if (s->what == MAKE)
        gen_print(s->access);
    printf("\n");
}

// One task's life. A thread does not run another program: that would end all others.
static void draw(int depth, struct followed f, bool thread)
{
    int steps_here = 1 + (int)gen_below(5);

    while (steps_here-- > 0 && nr_steps < MAX_STEPS - 2 * DEEP) {
        uint32_t what = gen_below(100);
        struct step *s;
        if (depth > 0 && what < 10 && !thread) {
            show_step(depth, add(EXEC));
            after_exec(&f);
            steps_here = (int)gen_below(3);
            while (steps_here-- > 0) { // only accesses: its arguments
                s = add(MAKE);
                s->access = pick_access();
                show_step(depth, s);
                count(&f, s->access);
            }
            break;
        }
        if (depth < DEEP && what < 40) {
            bool is_thread = what < 25;
            show_step(depth, add(is_thread ? THREAD : FORK));
            draw(depth + 1, inherited(&f, is_thread), is_thread);
            continue;
        }
        s = add(MAKE);
        s->access = pick_access();
        show_step(depth, s);
        count(&f, s->access);
    }
    show_step(depth, add(END));
}

// ---- living it ----

// The step after the life that begins at `at`.
static int skip(int at)
{
    for (;;) {
        int what = steps[at++].what;
        if (what == FORK || what == THREAD)
            at = skip(at);
        else if (what == END)
            return at;
    }
}

static void become(int at)
{
    static char words[MAX_STEPS][32];
    char *argv[MAX_STEPS + 3] = {"gen_inherit", EXEC_MARK};
    int n = 2;

    for (; steps[at].what == MAKE; at++, n++) {
        struct access a = steps[at].access;
        snprintf(words[n - 2], sizeof words[0], "%d,%d,%u,%u", a.call, a.write, a.at, a.len);
        argv[n] = words[n - 2];
    }
    argv[n] = NULL;
    execv("/proc/self/exe", argv);
    _exit(10);
}

static void live(int at);

static void *thread_main(void *arg)
{
    live((int)(intptr_t)arg);
    return NULL;
}

struct children {
    pthread_t threads[MAX_STEPS];
    pid_t pids[MAX_STEPS];
    int nr_threads, nr_pids;
};

static void fail(const char *what)
{
    perror(what);
    _exit(11);
}

static void start_process(struct children *c, int at)
{
    pid_t pid = fork();

    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        live(at);
        _exit(0);
    }
    c->pids[c->nr_pids++] = pid;
}

static void start_thread(struct children *c, int at)
{
    if (pthread_create(&c->threads[c->nr_threads++], NULL, thread_main, (void *)(intptr_t)at))
        fail("thread");
}

static void wait_for_all(struct children *c)
{
    int status = 0;

    while (c->nr_threads > 0)
        pthread_join(c->threads[--c->nr_threads], NULL);
    while (c->nr_pids > 0)
        if (waitpid(c->pids[--c->nr_pids], &status, 0) < 0 || status)
            printf("a child's status: %x\n", (unsigned)status);
}

// Children run beside their parent, and are waited for at its end.
static void live(int at)
{
    struct children children = {0};

    while (steps[at].what != END) {
        switch (steps[at].what) {
        case MAKE:
            gen_make(steps[at++].access);
            break;
        case FORK:
            start_process(&children, at + 1);
            at = skip(at + 1);
            break;
        case THREAD:
            start_thread(&children, at + 1);
            at = skip(at + 1);
            break;
        default:
            wait_for_all(&children);
            become(at + 1);
        }
    }
    wait_for_all(&children);
}

static int live_on(int argc, char **argv)
{
    gen_map();
    for (int i = 2; i < argc; i++) {
        int call, write;
        struct access a;
        if (sscanf(argv[i], "%d,%d,%u,%u", &call, &write, &a.at, &a.len) != 4)
            return 12;
        a.call = call;
        a.write = write;
        gen_make(a);
    }
    return 0;
}

// ---- the events ----

static void open_one(int n)
{
    struct event e = {0};

    // Each in its own third of the memory: no access is seen by two of them.
    if (gen_chance(60))
        e.attr = bp_attr(gen_chance(50) ? HW_BREAKPOINT_W : HW_BREAKPOINT_RW,
                         ARENA + 16 * n + 4 * gen_below(4), 4);
    else
        e.attr = bp_attr(HW_BREAKPOINT_X, (const volatile void *)gen_pick(gen_functions), 8);
    e.attr.pinned = gen_chance(30);
    e.attr.inherit = gen_chance(80);
    e.attr.inherit_thread = gen_chance(20);
    e.attr.disabled = gen_chance(25);
    e.attr.remove_on_exec = gen_chance(25);
    e.attr.enable_on_exec = gen_chance(25);
    e.fd = bp_open_attr(&e.attr, 0, -1);
    printf("open %d type %u at %llx%s%s%s%s%s: %s\n", n, e.attr.bp_type,
           (unsigned long long)e.attr.bp_addr, e.attr.inherit ? " inherit" : "",
           e.attr.inherit_thread ? " thread" : "", e.attr.disabled ? " off" : "",
           e.attr.remove_on_exec ? " remove" : "", e.attr.enable_on_exec ? " enable" : "",
           gen_answer(e.fd));
    e.on = !e.attr.disabled;
    events[n] = e;
}

static void read_one(int n)
{
    long long value = bp_read(events[n].fd);

    printf("read %d: %lld", n, value);
    if ((uint64_t)value != events[n].made)
        printf(" made %llu", (unsigned long long)events[n].made);
    printf("\n");
}

static void tree(void)
{
    struct followed f;

    for (int i = 0; i < EVENTS; i++) {
        f.by[i] = events[i].fd >= 0;
        f.on[i] = events[i].on;
    }
    nr_steps = 0;
    printf("tree\n");
    draw(0, f, false);
    fflush(stdout);
    live(0);
    for (int i = 0; i < EVENTS; i++)
        if (events[i].fd >= 0)
            read_one(i);
}

static void operate(void)
{
    int n = (int)gen_below(EVENTS);
    uint32_t what = gen_below(100);

    left--;
    if (what < 40) {
        tree();
    } else if (events[n].fd < 0) {
        open_one(n);
    } else if (what < 55) {
        printf("close %d\n", n);
        close(events[n].fd);
        events[n].fd = -1;
    } else if (what < 80) {
        events[n].on = what < 70;
        printf("%s %d: %s\n", events[n].on ? "enable" : "disable", n,
               gen_answer(ioctl(events[n].fd,
                                events[n].on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0)));
    } else if (!events[n].attr.inherit) { // what ended children counted stays, and whose count is
        // whose, is Linux's secret when equal contexts are swapped
        printf("reset %d: %s\n", n, gen_answer(ioctl(events[n].fd, PERF_EVENT_IOC_RESET, 0)));
        events[n].made = 0;
    }
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], EXEC_MARK) == 0)
        return live_on(argc, argv);
    left = gen_start(argc, argv);
    for (int i = 0; i < EVENTS; i++)
        events[i].fd = -1;
    while (left > 0)
        operate();
    return 0;
}

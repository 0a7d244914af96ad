// Random breakpoints over tasks, CPUs, types, lengths and addresses, good and bad ones. They are
// opened, closed, modified, grouped, switched on and off. Meanwhile three processes make accesses
// and move between two CPUs. Each answer and each count is printed, and whether a count is not what
// this program itself has made.
#define _GNU_SOURCE
#include "test/compare/gen.h"
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define EVENTS  10
#define ACTORS  3 // this process and two children
#define ANYBODY (-1)

struct event {
    int fd; // -1: closed
    struct perf_event_attr attr;
    int actor, cpu, leader; // leader: index, its own when alone
    bool on;
    uint64_t made; // hits by the accesses that were made
};

static struct event events[EVENTS];

static struct actor {
    pid_t pid;
    int cpu, orders, answers;
} actors[ACTORS];

enum { MAKE, MOVE, END };

struct order {
    int what, cpu;
    struct access access;
};

// ---- the actors ----

static void move_to(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        exit(4);
}

static void carry_out(struct order o)
{
    if (o.what == MAKE)
        gen_make(o.access);
    else
        move_to(o.cpu);
}

static void start_actor(int n)
{
    int orders[2], answers[2];
    struct order o;

    if (pipe(orders) || pipe(answers))
        exit(5);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < EVENTS; i++)
            if (events[i].fd >= 0)
                close(events[i].fd);
        close(orders[1]);
        while (read(orders[0], &o, sizeof o) == sizeof o && o.what != END) {
            carry_out(o);
            if (write(answers[1], "", 1) != 1)
                break;
        }
        _exit(0);
    }
    close(orders[0]);
    close(answers[1]);
    actors[n] = (struct actor){pid, -1, orders[1], answers[0]};
}

static void tell(int n, struct order o)
{
    char done;

    if (n == 0)
        carry_out(o);
    else if (write(actors[n].orders, &o, sizeof o) != sizeof o ||
             read(actors[n].answers, &done, 1) != 1)
        exit(6);
    if (o.what == MOVE)
        actors[n].cpu = o.cpu;
}

// Its events stay, and stay silent.
static void replace_actor(int n)
{
    struct order end = {.what = END};

    if (write(actors[n].orders, &end, sizeof end) != sizeof end)
        exit(6);
    close(actors[n].orders);
    close(actors[n].answers);
    waitpid(actors[n].pid, NULL, 0);
    for (int i = 0; i < EVENTS; i++)
        if (events[i].actor == n)
            events[i].actor = ACTORS;
    start_actor(n);
    tell(n, (struct order){.what = MOVE, .cpu = (int)gen_below(2)});
}

// ---- what to ask for ----

static uint64_t pick_addr(uint32_t type, uint64_t len)
{
    static const uint64_t odd[] = {0,
                                   8,
                                   0x7fffffffeff0,
                                   0x7fffffffeff8,
                                   0x7fffffffefff,
                                   0x7ffffffff000,
                                   0x800000000000,
                                   0xffffe90000001000,
                                   0xfffffffffffffff8,
                                   0xffffffffffffffff};

    if (gen_chance(8))
        return gen_pick(odd);
    if (type == HW_BREAKPOINT_X && gen_chance(90))
        return (uintptr_t)gen_pick(gen_functions);
    uint64_t at = (uintptr_t)ARENA + gen_below(ARENA_BYTES);
    return gen_chance(90) && len && len <= 8 ? at & ~(len - 1) : at;
}

static void pick_place(struct perf_event_attr *attr)
{
    static const uint32_t types[] = {HW_BREAKPOINT_W, HW_BREAKPOINT_W, HW_BREAKPOINT_RW,
                                     HW_BREAKPOINT_RW, HW_BREAKPOINT_X};
    static const uint32_t lengths[] = {1, 2, 4, 8};
    static const uint64_t odd_lengths[] = {0, 3, 5, 16, 64, 1ull << 40, ~0ull};

    attr->bp_type = gen_chance(92) ? gen_pick(types) : gen_below(9);
    attr->bp_len = gen_chance(92) ? gen_pick(lengths) : gen_pick(odd_lengths);
    if (attr->bp_type == HW_BREAKPOINT_X && gen_chance(85))
        attr->bp_len = sizeof(long);
    attr->bp_addr = pick_addr(attr->bp_type, attr->bp_len);
    attr->disabled = gen_chance(30);
}

static void print_place(const struct perf_event_attr *a)
{
    uint64_t addr = a->bp_addr;

    printf(" type %u len %llx ", a->bp_type, (unsigned long long)a->bp_len);
    for (int i = 0; i < FUNCTIONS; i++)
        if (addr == (uintptr_t)gen_functions[i]) {
            printf("function %d", i);
            addr = 0;
        }
    if (addr)
        printf("at %llx", (unsigned long long)addr);
    printf("%s", a->disabled ? " off" : "");
}

// ---- the model ----

// In a register where the actor runs.
static bool is_placed(const struct event *e, int actor)
{
    return e->fd >= 0 && e->on && events[e->leader].on &&
           (e->actor == ANYBODY || e->actor == actor) &&
           (e->cpu < 0 || e->cpu == actors[actor].cpu);
}

static bool matches(const struct event *e, int actor, struct access a)
{
    return is_placed(e, actor) && gen_hits(a, e->attr.bp_type, e->attr.bp_addr, e->attr.bp_len);
}

static bool hit(const struct event *e, int actor, struct access a)
{
    return !e->attr.exclude_user && matches(e, actor, a);
}

static void access_one(void)
{
    int actor = (int)gen_below(ACTORS), watched = 0, hits = 0;
    struct access a = gen_access();

    for (int i = 0; i < EVENTS && gen_chance(60); i++) // rather one that is watched
        if (events[i].fd >= 0 && events[i].attr.bp_type != HW_BREAKPOINT_X &&
            events[i].attr.bp_addr - (uintptr_t)ARENA < ARENA_BYTES) {
            a.call = false;
            a.len = a.len ? a.len : 1;
            a.at = (uint32_t)(events[i].attr.bp_addr - (uintptr_t)ARENA) & ~(a.len - 1);
        }
    printf("actor %d ", actor);
    gen_print(a);
    for (int i = 0; i < EVENTS; i++) {
        watched += matches(&events[i], actor, a);
        hits += hit(&events[i], actor, a);
    }
    if (watched > 1 && !a.call) {
        printf(": not made\n");
        return;
    }
    printf(": %d\n", hits);
    for (int i = 0; i < EVENTS; i++)
        events[i].made += hit(&events[i], actor, a);
    tell(actor, (struct order){.what = MAKE, .access = a});
}

// ---- operations on an event ----

static void read_one(int n)
{
    uint64_t count = 0;

    if (read(events[n].fd, &count, sizeof count) != sizeof count)
        printf("read %d: %s\n", n, gen_answer(-1));
    else
        printf("read %d: %llu", n, (unsigned long long)count);
    if (count != events[n].made)
        printf(" made %llu", (unsigned long long)events[n].made);
    printf("\n");
}

static void switch_one(int n, bool on)
{
    long request = on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE;

    printf("%s %d: %s\n", on ? "enable" : "disable", n,
           gen_answer(ioctl(events[n].fd, (int)request, 0)));
    events[n].on = on;
}

static void close_one(int n)
{
    printf("close %d\n", n);
    close(events[n].fd);
    events[n].fd = -1;
    for (int i = 0; i < EVENTS; i++) {
        if (events[i].leader != n || i == n)
            continue;
        events[i].leader = i; // they go on alone; in Linux only when they are looked at again
        if (events[i].on) {
            switch_one(i, false);
            switch_one(i, true);
        }
    }
}

static void open_one(int n)
{
    static const int cpus[] = {-1, -1, -1, 0, 1, 0, 1, 2, -2, 4096};
    struct event e = {.actor = (int)gen_below(ACTORS), .cpu = gen_pick(cpus), .leader = n};
    pid_t pid = e.actor == 0 ? 0 : actors[e.actor].pid;
    int group = -1;

    e.attr = bp_attr(0, NULL, 0);
    pick_place(&e.attr);
    e.attr.exclude_kernel = gen_chance(85);
    e.attr.exclude_user = gen_chance(5);
    e.attr.pinned = gen_chance(20);
    if (gen_chance(25)) {
        e.actor = pid = ANYBODY;
    } else if (gen_chance(3)) {
        e.actor = ACTORS;
        pid = 0x3fffff;
    }
    if (gen_chance(12)) {
        group = (int)gen_below(EVENTS);
        e.leader = events[group].fd >= 0 ? group : n;
    }
    printf("open %d", n);
    print_place(&e.attr);
    printf(" actor %d cpu %d%s%s%s group %d: ", e.actor, e.cpu, e.attr.pinned ? " pinned" : "",
           e.attr.exclude_kernel ? "" : " kernel", e.attr.exclude_user ? " no user" : "", group);
    e.fd = (int)syscall(SYS_perf_event_open, &e.attr, pid, e.cpu,
                        group >= 0 ? events[group].fd : -1, 0ul);
    printf("%s\n", gen_answer(e.fd));
    e.on = !e.attr.disabled;
    events[n] = e;
}

static void modify_one(int n)
{
    struct event *e = &events[n];
    struct perf_event_attr attr = e->attr;

    pick_place(&attr);
    if (gen_chance(10))
        attr.exclude_user ^= 1; // what must not change
    printf("modify %d", n);
    print_place(&attr);
    int result = ioctl(e->fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
    printf(": %s\n", gen_answer(result));
    if (result == 0) {
        e->attr = attr;
        e->on = !attr.disabled;
    } else { // Linux goes back to the state it was opened with (modify_refused.c), dr7 does not
        switch_one(n, e->on);
    }
}

static void reset_one(int n)
{
    printf("reset %d: %s\n", n, gen_answer(ioctl(events[n].fd, PERF_EVENT_IOC_RESET, 0)));
    events[n].made = 0;
}

static void operate(void)
{
    int n = (int)gen_below(EVENTS), what = (int)gen_below(100);

    if (what < 45) {
        access_one();
    } else if (what < 48) {
        n = (int)gen_below(ACTORS);
        int cpu = (int)gen_below(2);
        printf("actor %d moves to %d\n", n, cpu);
        tell(n, (struct order){.what = MOVE, .cpu = cpu});
    } else if (what < 49) {
        n = 1 + (int)gen_below(ACTORS - 1);
        printf("actor %d is replaced\n", n);
        replace_actor(n);
    } else if (events[n].fd < 0) {
        open_one(n);
    } else if (what < 60) {
        close_one(n);
    } else if (what < 70) {
        modify_one(n);
    } else if (what < 82) {
        switch_one(n, what < 77);
    } else if (what < 84) {
        reset_one(n);
    } else {
        read_one(n);
    }
}

int main(int argc, char **argv)
{
    int operations = gen_start(argc, argv);

    for (int i = 0; i < EVENTS; i++)
        events[i].fd = -1;
    for (int i = 0; i < ACTORS; i++) {
        if (i > 0)
            start_actor(i);
        tell(i, (struct order){.what = MOVE, .cpu = i % 2});
    }
    while (operations-- > 0)
        operate();
    for (int i = 0; i < EVENTS; i++)
        if (events[i].fd >= 0)
            read_one(i);
    for (int i = 1; i < ACTORS; i++)
        kill(actors[i].pid, SIGKILL);
    return 0;
}

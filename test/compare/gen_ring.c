// Sampling into mapped buffers with random formats, periods, sizes and wakeups: every record that
// does not depend on time is printed whole, and what poll(2) says, and how many signals came.
#define _GNU_SOURCE
#include "test/compare/gen.h"
#include <asm/perf_regs.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#define EVENTS    4
#define PAGE      4096
#define MAX_BYTES 2048 // of a record

struct event {
    int fd; // -1: closed
    struct perf_event_attr attr;
    struct perf_event_mmap_page *page;
    size_t size;
    bool overwrite;
    uint64_t id, seen; // seen: what was drained up to
};

static struct event events[EVENTS];
static volatile sig_atomic_t signals;

static void on_io(int)
{
    signals++;
}

// ---- records ----

// An identifier as the number of its event.
static void show_id(uint64_t id)
{
    for (int i = 0; i < EVENTS; i++)
        if (events[i].fd >= 0 && events[i].id == id) {
            printf(" id %d", i);
            return;
        }
    printf(" id ?");
}

static void show_ids(uint64_t word)
{
    pid_t pid = getpid();
    bool mine = (uint32_t)word == (uint32_t)pid && (uint32_t)(word >> 32) == (uint32_t)pid;

    printf(" %s", mine ? "mine" : "whose?");
}

static const uint64_t *show_read(const struct event *e, const uint64_t *w)
{
    uint64_t format = e->attr.read_format;

    printf(" count %llu", (unsigned long long)*w++);
    if (format & PERF_FORMAT_TOTAL_TIME_ENABLED)
        w++;
    if (format & PERF_FORMAT_TOTAL_TIME_RUNNING)
        w++;
    if (format & PERF_FORMAT_ID)
        show_id(*w++);
    return w;
}

static const uint64_t *show_chain(const uint64_t *w)
{
    uint64_t n = *w++;

    printf(" chain of %llu:", (unsigned long long)n);
    for (uint64_t i = 0; i < n && i < 3; i++) // how deep main() was called is the C library's
        printf(" %llx", (unsigned long long)w[i]);
    return w + n;
}

// The words of this order that the event's samples have.
static const uint64_t *show_words(uint64_t type, const uint64_t *order, const uint64_t *w)
{
    for (; *order; order++) {
        if (!(type & *order))
            continue;
        if (*order == PERF_SAMPLE_IP)
            printf(" ip %llx", (unsigned long long)*w);
        else if (*order == PERF_SAMPLE_TID)
            show_ids(*w);
        else if (*order == PERF_SAMPLE_ADDR)
            printf(" addr %llx", (unsigned long long)*w);
        else if (*order == PERF_SAMPLE_PERIOD)
            printf(" period %llu", (unsigned long long)*w);
        else if (*order != PERF_SAMPLE_TIME && *order != PERF_SAMPLE_CPU)
            show_id(*w);
        w++;
    }
    return w;
}

static const uint64_t *show_regs(const char *name, const uint64_t *w, uint64_t mask)
{
    uint64_t abi = *w++, before = mask & ((1ull << PERF_REG_X86_IP) - 1);

    printf(" %s abi %llu ip %llx", name, (unsigned long long)abi,
           (unsigned long long)w[__builtin_popcountll(before)]);
    return w + __builtin_popcountll(mask);
}

// What follows the chain.
static void show_machine(const struct event *e, const uint64_t *w)
{
    static const char *const names[] = {"source", "",       "transaction", "",    "phys",
                                        "",       "cgroup", "page",        "code"};
    uint64_t type = e->attr.sample_type, stack;

    if (type & PERF_SAMPLE_RAW)
        printf(" raw %llx", (unsigned long long)*w++);
    if (type & PERF_SAMPLE_REGS_USER)
        w = show_regs("user", w, e->attr.sample_regs_user);
    if (type & PERF_SAMPLE_STACK_USER) {
        printf(" stack %llu", (unsigned long long)(stack = *w++));
        w += stack / 8;
        if (stack)
            printf(" of %llu", (unsigned long long)*w++);
    }
    if (type & (PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT))
        printf(" weight %llu", (unsigned long long)*w++);
    for (int bit = 15; bit <= 23; bit++)
        if (!(type & 1ull << bit) || bit == 16 || bit == 20) // IDENTIFIER comes first, AUX last
            continue;
        else if (bit == 18)
            w = show_regs("intr", w, e->attr.sample_regs_intr);
        else if (bit == 19)
            printf(" phys %llx", (unsigned long long)*w++ & (PAGE - 1));
        else
            printf(" %s %llx", names[bit - 15], (unsigned long long)*w++);
    if (type & PERF_SAMPLE_AUX)
        printf(" aux %llu", (unsigned long long)*w);
}

static void show_sample(const struct event *e, const uint64_t *w)
{
    static const uint64_t order[] = {PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP,
                                     PERF_SAMPLE_TID,        PERF_SAMPLE_TIME,
                                     PERF_SAMPLE_ADDR,       PERF_SAMPLE_ID,
                                     PERF_SAMPLE_STREAM_ID,  PERF_SAMPLE_CPU,
                                     PERF_SAMPLE_PERIOD,     0};
    w = show_words(e->attr.sample_type, order, w);
    if (e->attr.sample_type & PERF_SAMPLE_READ)
        w = show_read(e, w);
    if (e->attr.sample_type & PERF_SAMPLE_CALLCHAIN)
        w = show_chain(w);
    show_machine(e, w);
}

// What stands after a record that is no sample.
static void show_trailer(const struct event *e, const uint64_t *w)
{
    static const uint64_t order[] = {PERF_SAMPLE_TID,
                                     PERF_SAMPLE_TIME,
                                     PERF_SAMPLE_ID,
                                     PERF_SAMPLE_STREAM_ID,
                                     PERF_SAMPLE_CPU,
                                     PERF_SAMPLE_IDENTIFIER,
                                     0};
    if (e->attr.sample_id_all)
        show_words(e->attr.sample_type, order, w);
}

static void show_record(const struct event *e, const struct perf_event_header *h)
{
    const uint64_t *w = (const uint64_t *)(h + 1);

    printf("  record %u misc %x size %u", h->type, h->misc, h->size);
    if (h->type == PERF_RECORD_SAMPLE) {
        show_sample(e, w);
    } else if (h->type == PERF_RECORD_LOST) {
        show_id(w[0]);
        printf(" lost %llu", (unsigned long long)w[1]);
        show_trailer(e, w + 2);
    } else if (h->type == PERF_RECORD_COMM) {
        show_ids(w[0]);
        printf(" %s", (const char *)(w + 1));
        show_trailer(e, w + 1 + (strlen((const char *)(w + 1)) + 8) / 8);
    }
    printf("\n");
}

// Takes what is there, at most `limit` records; a backward buffer's all, the latest first.
static void drain(int n, uint32_t limit)
{
    struct event *e = &events[n];
    static union {
        struct perf_event_header header;
        uint64_t words[MAX_BYTES / 8];
        uint8_t bytes[MAX_BYTES];
    } r;
    uint64_t head = __atomic_load_n(&e->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t bytes = e->page->data_size, tail = e->seen, end = head;
    const uint8_t *data = (const uint8_t *)e->page + e->page->data_offset;

    printf("drain %d: head %lld\n", n, (long long)head);
    if (e->attr.write_backward) {
        end = tail - head > bytes ? head + bytes : tail;
        tail = head;
    } else if (e->overwrite) {
        return; // where a record begins is not known
    }
    for (; tail != end && limit > 0; limit--) {
        for (size_t i = 0; i < 8; i++)
            r.bytes[i] = data[(tail + i) % bytes];
        if (e->overwrite && r.header.size > end - tail)
            break; // half of it is overwritten
        if (r.header.size < 8 || r.header.size > MAX_BYTES || r.header.size > end - tail) {
            printf("  a record of %u bytes\n", r.header.size);
            exit(9);
        }
        for (size_t i = 8; i < r.header.size; i++)
            r.bytes[i] = data[(tail + i) % bytes];
        show_record(e, &r.header);
        tail += r.header.size;
    }
    e->seen = e->attr.write_backward ? head : tail;
    if (!e->overwrite)
        __atomic_store_n(&e->page->data_tail, e->seen, __ATOMIC_RELEASE);
}

// ---- operations ----

static void close_one(int n)
{
    struct event *e = &events[n];

    printf("close %d\n", n);
    if (e->page)
        munmap(e->page, e->size);
    close(e->fd);
    *e = (struct event){.fd = -1};
}

static void map_one(int n)
{
    static const uint32_t pages[] = {1, 1, 1, 2, 4, 0, 3};
    struct event *e = &events[n];
    size_t size = (1 + gen_pick(pages)) * (size_t)PAGE;
    bool overwrite = gen_chance(e->attr.write_backward ? 50 : 5);
    void *p = mmap(NULL, size, overwrite ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, e->fd,
                   gen_chance(95) ? 0 : PAGE);

    printf("map %d %d%s: %s\n", n, (int)(size / PAGE), overwrite ? " read-only" : "",
           gen_answer(p == MAP_FAILED ? -1 : 0));
    if (p == MAP_FAILED)
        return;
    e->page = p;
    e->overwrite = overwrite;
    e->size = size;
}

static void open_one(int n)
{
    static const uint32_t periods[] = {1, 1, 1, 2, 3, 7, 0};
    static const uint64_t samples[] = {
        PERF_SAMPLE_IP,     PERF_SAMPLE_TID,       PERF_SAMPLE_TIME,      PERF_SAMPLE_ADDR,
        PERF_SAMPLE_ID,     PERF_SAMPLE_CPU,       PERF_SAMPLE_READ,      PERF_SAMPLE_STREAM_ID,
        PERF_SAMPLE_PERIOD, PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_IDENTIFIER};
    struct event e = {0};

    // One watchpoint, and what is executed: see gen.h.
    if (n == 0)
        e.attr = bp_attr(gen_chance(50) ? HW_BREAKPOINT_W : HW_BREAKPOINT_RW,
                         ARENA + 8 * gen_below(ARENA_BYTES / 8), 8);
    else
        e.attr = bp_attr(HW_BREAKPOINT_X, (const volatile void *)gen_pick(gen_functions), 8);
    e.attr.pinned = 0;
    e.attr.sample_period = gen_pick(periods);
    e.attr.exclude_callchain_kernel = 1;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        if (gen_chance(35))
            e.attr.sample_type |= samples[i];
    for (int i = 10; i <= 24; i++) // but no branches, and IDENTIFIER is above
        if (i != 11 && i != 16 && gen_chance(8))
            e.attr.sample_type |= 1ull << i;
    e.attr.sample_regs_user = 1 << PERF_REG_X86_IP | gen_below(256);
    e.attr.sample_regs_intr = 1 << PERF_REG_X86_IP | gen_below(4);
    e.attr.sample_stack_user = 8 * (1 + gen_below(9));
    e.attr.write_backward = gen_chance(10);
    e.attr.read_format = gen_below(8) & (uint32_t) ~(gen_chance(50) ? 3 : 0);
    e.attr.sample_id_all = gen_chance(50);
    e.attr.comm = gen_chance(30);
    e.attr.disabled = gen_chance(15);
    e.attr.watermark = gen_chance(30);
    if (e.attr.watermark)
        e.attr.wakeup_watermark = gen_below(600);
    else
        e.attr.wakeup_events = gen_below(4);
    printf("open %d type %u at %llx samples %llx period %d read %llx%s%s%s%s wakeup %d: ", n,
           e.attr.bp_type, (unsigned long long)e.attr.bp_addr,
           (unsigned long long)e.attr.sample_type, (int)e.attr.sample_period,
           (unsigned long long)e.attr.read_format, e.attr.write_backward ? " backward" : "",
           e.attr.comm ? " comm" : "", e.attr.disabled ? " off" : "",
           e.attr.watermark ? " watermark" : "", (int)e.attr.wakeup_events);
    e.fd = bp_open_attr(&e.attr, 0, -1);
    printf("%s\n", gen_answer(e.fd));
    events[n] = e;
    if (e.fd < 0)
        return;
    ioctl(e.fd, PERF_EVENT_IOC_ID, &events[n].id);
    if (gen_chance(40))
        printf("  signals: %s\n", gen_answer(fcntl(e.fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC) ||
                                                     fcntl(e.fd, F_SETOWN, getpid())
                                                 ? -1
                                                 : 0));
    map_one(n);
}

// While it is off: a running event of Linux that is not switched out before the next hit takes its
// next sample at once.
static void change_period(int n, uint64_t period)
{
    int fd = events[n].fd;

    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
    printf("period %d %d: %s\n", n, (int)period,
           gen_answer(ioctl(fd, PERF_EVENT_IOC_PERIOD, &period)));
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

static void steer(int n, uint32_t what)
{
    uint64_t period = gen_below(5);
    int fd = events[n].fd;

    if (what == 0)
        printf("enable %d: %s\n", n, gen_answer(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)));
    else if (what == 1)
        printf("disable %d: %s\n", n, gen_answer(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0)));
    else if (what == 2)
        printf("refresh %d: %s\n", n, gen_answer(ioctl(fd, PERF_EVENT_IOC_REFRESH, period + 1)));
    else if (what == 3)
        change_period(n, period);
    else if (what == 4)
        printf("pause %d: %s\n", n, gen_answer(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1)));
    else if (what == 5)
        printf("resume %d: %s\n", n, gen_answer(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 0)));
    else
        printf("reset %d: %s\n", n, gen_answer(ioctl(fd, PERF_EVENT_IOC_RESET, 0)));
}

static void look(int n)
{
    struct pollfd p = {.fd = events[n].fd, .events = POLLIN};

    poll(&p, 1, 0);
    printf("poll %d: %x, signals %d\n", n, (unsigned)p.revents, (int)signals);
}

static void access_some(void)
{
    int times = 1 + (int)gen_below(6);
    struct access a = gen_access();

    if (!a.call && events[0].fd >= 0 && gen_chance(60))
        a.at = (uint32_t)(events[0].attr.bp_addr - (uintptr_t)ARENA) & ~(a.len - 1);
    gen_print(a);
    printf(" %d times\n", times);
    while (times-- > 0)
        gen_make(a);
}

static void count_one(int n)
{
    uint64_t words[8];

    ssize_t bytes = read(events[n].fd, words, sizeof words);
    printf("read %d: %d bytes", n, (int)bytes);
    if (bytes > 0)
        show_read(&events[n], words);
    printf("\n");
}

static void operate(void)
{
    int n = (int)gen_below(EVENTS);
    uint32_t what = gen_below(100);
    char name[16];

    if (what < 45) {
        access_some();
    } else if (what < 48) {
        snprintf(name, sizeof name, "name %u", gen_below(1000));
        prctl(PR_SET_NAME, name);
        printf("%s\n", name);
    } else if (events[n].fd < 0) {
        open_one(n);
    } else if (what < 54) {
        close_one(n);
    } else if (what < 64) {
        steer(n, gen_below(7));
    } else if (what < 74) {
        look(n);
    } else if (what < 80) {
        count_one(n);
    } else if (events[n].page) {
        drain(n, what < 94 ? 1000 : gen_below(4));
    } else {
        map_one(n);
    }
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_io, .sa_flags = SA_RESTART};
    int operations = gen_start(argc, argv);

    sigaction(SIGIO, &sa, NULL);
    for (int i = 0; i < EVENTS; i++)
        events[i].fd = -1;
    while (operations-- > 0)
        operate();
    for (int i = 0; i < EVENTS; i++)
        if (events[i].fd >= 0 && events[i].page)
            drain(i, 1000);
    return 0;
}

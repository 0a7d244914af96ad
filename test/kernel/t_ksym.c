// The symbol tracer: it records each access on each CPU once, with the function; a request that is
// refused changes nothing; and the ring.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "debug/ksym/ksym.h"
#include "debug/ksym/lookup.h"
#include "kernel/base/printk.h"
#include "kernel/checks/failure.h"
#include "kernel/mm/heap.h"
#include "test/kernel/bp_test.h"

#define EACH      5 // accesses on each CPU
#define TEXT_SIZE (512u << 10)

u64 ksym_words[4] __aligned(32); // not static: the tracer finds it by its name
u64 ksym_other;
u8 ksym_six[6] __aligned(8);

static void ksym_writer(void *arg)
{
    volatile u64 *word = arg;
    for (u32 i = 0; i < EACH; i++)
        *word = i;
}

static void ksym_reader(void *arg)
{
    volatile u64 *word = arg;
    for (u32 i = 0; i < EACH; i++)
        (void)*word;
}

static void on_all_cpus(void (*fn)(void *), void *arg)
{
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        smp_call(cpu, fn, arg);
}

// 0, or the error of the write.
static long request(const char *text)
{
    return ksym_filter_write(text, 0);
}

static char text[TEXT_SIZE];

static const char *read_of(void (*show)(struct text *, u64))
{
    struct text t = {text, sizeof(text) - 1, 0};
    show(&t, 0);
    EXPECT(t.len < t.size);
    text[t.len] = '\0';
    return text;
}

static const char *next_line(const char *p)
{
    p = strchr(p, '\n');
    return p && p[1] ? p + 1 : NULL;
}

// In the first line, after `from`.
static const char *find(const char *from, const char *what)
{
    for (; *from && *from != '\n'; from++)
        if (strstarts(from, what))
            return from;
    return NULL;
}

// The number of lines that have both words.
static u32 lines_with(const char *t, const char *one, const char *two)
{
    u32 n = 0;
    for (; t; t = next_line(t))
        n += find(t, one) && find(t, two);
    return n;
}

static u32 accesses(const char *t)
{
    u32 n = 0;
    for (; t; t = next_line(t))
        n += *t && *t != '#';
    return n;
}

static void expect_text(void (*show)(struct text *, u64), const char *want)
{
    EXPECT_EQ(strcmp(read_of(show), want), 0);
}

static void expect_filters(const char *want)
{
    expect_text(ksym_filter_show, want);
}

// The statistics of one variable.
static void expect_hits(const char *type, u32 hits, const char *symbol)
{
    char want[160];
    snprintf(want, sizeof(want),
             "  Access Type        Hits   Symbol\n"
             "  -----------  ----------   ------\n"
             "  %-11s  %10u   %s\n",
             type, hits, symbol);
    expect_text(ksym_stat_show, want);
}

static void expect_no_accesses(void)
{
    char want[192];
    snprintf(want, sizeof(want),
             "# tracer: ksym_tracer\n#\n"
             "# entries-in-buffer/entries-written: 0/0   #P:%u\n"
             "# lost: 0\n#\n"
             "#           TASK-PID     CPU#    TIMESTAMP: SYMBOL ACCESS FUNCTION\n",
             nr_cpus);
    expect_text(ksym_trace_show, want);
}

KTEST_HWBP(all_cpus, "ksym.all-cpus", NULL)
{
    char cpu_word[16];
    ksym_trace_clear();
    EXPECT_EQ(request("ksym_words:-w-\n"), 0);
    expect_filters("ksym_words:-w-\n");
    EXPECT_EQ(hwbp_live(), 1);
    on_all_cpus(ksym_writer, ksym_words);
    on_all_cpus(ksym_reader, ksym_words); // not asked for
    on_all_cpus(ksym_writer, ksym_words + 1);
    EXPECT_EQ(lines_with(read_of(ksym_trace_show), "ksym_words W ksym_writer+0x", " <- "),
              EACH * nr_cpus);
    EXPECT_EQ(accesses(text), EACH * nr_cpus);
    expect_hits("W", EACH * nr_cpus, "ksym_words");
    read_of(ksym_trace_show);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        snprintf(cpu_word, sizeof(cpu_word), "[%03u]", cpu);
        EXPECT_EQ(lines_with(text, "ksym_words W", cpu_word), EACH);
    }
    EXPECT_EQ(request("ksym_words:rw-"), 0); // changed in place: the hits stay
    expect_filters("ksym_words:rw-\n");
    EXPECT_EQ(hwbp_live(), 1);
    on_all_cpus(ksym_reader, ksym_words);
    EXPECT_EQ(lines_with(read_of(ksym_trace_show), "ksym_words RW ksym_reader+0x", "-"),
              EACH * nr_cpus);
    expect_hits("RW", 2 * EACH * nr_cpus, "ksym_words");
    EXPECT_EQ(request("ksym_words:---"), 0);
    expect_filters("");
    on_all_cpus(ksym_writer, ksym_words);
    EXPECT_EQ(accesses(read_of(ksym_trace_show)), 2 * EACH * nr_cpus); // the old hits stay
    ksym_trace_clear();
    expect_no_accesses();
}

// Accesses of several CPUs come in the order of time.
KTEST_HWBP(order, "ksym.order", NULL)
{
    char cpu_word[16];
    ksym_trace_clear();
    EXPECT_EQ(request("ksym_words:-w-"), 0);
    for (u32 round = 0; round < 2; round++)
        for (u32 cpu = nr_cpus; cpu-- > 0;)
            smp_call(cpu, ksym_writer, ksym_words);
    EXPECT_EQ(request("ksym_words:---"), 0);
    EXPECT_EQ(accesses(read_of(ksym_trace_show)), 2 * EACH * nr_cpus);
    u32 i = 0;
    for (const char *line = text; line; line = next_line(line)) {
        if (*line == '#')
            continue;
        snprintf(cpu_word, sizeof(cpu_word), " [%03u] ", nr_cpus - 1 - i++ / EACH % nr_cpus);
        EXPECT(find(line, cpu_word));
    }
    ksym_trace_clear();
}

static void expect_name(u64 addr, const char *want)
{
    char name[64];
    struct text t = {name, sizeof(name), 0};
    ksym_add_name(&t, addr);
    EXPECT_EQ(strcmp(name, want), 0);
}

KTEST(names, "ksym.names", NULL)
{
    const struct ksym *first = &ksym_table[0], *last = &ksym_table[ksym_count - 1], *same = first;
    u32 size = 0;
    expect_name((u64)&ksym_words[0], "ksym_words");
    expect_name((u64)&ksym_words[3] + 7, "ksym_words+0x1f");
    expect_name(0xabc, "0xabc");
    EXPECT_EQ(ksym_lookup("ksym_six", &size), (u64)ksym_six);
    EXPECT_EQ(size, sizeof(ksym_six));
    EXPECT_EQ(ksym_lookup(ksym_names + first->name, NULL), first->addr);
    while (strcmp(ksym_names + same->name, ksym_names + last->name))
        same++;
    EXPECT_EQ(ksym_lookup(ksym_names + last->name, NULL), same->addr); // the first of that name
    EXPECT_EQ(ksym_lookup("ksym_si", &size), 0);
}

KTEST_HWBP(places, "ksym.offset-length", NULL)
{
    volatile u32 *half = (u32 *)&ksym_words[1];
    ksym_trace_clear();
    EXPECT_EQ(request("ksym_words+8/4:-w-"), 0);
    EXPECT_EQ(request("  ksym_words+0x18:-w- \n"), 0);
    expect_filters("ksym_words+0x8/4:-w-\nksym_words+0x18:-w-\n");
    half[0] = half[1] = 1;
    EXPECT_EQ(lines_with(read_of(ksym_trace_show), "ksym_words+0x8 W ktest_places+0x", ""), 1);
    EXPECT_EQ(request("ksym_words+8:-w-"), 0); // now all eight bytes
    expect_filters("ksym_words+0x8:-w-\nksym_words+0x18:-w-\n");
    half[0] = half[1] = 1;
    on_all_cpus(ksym_writer, &ksym_words[0]); // accesses beside it
    on_all_cpus(ksym_writer, &ksym_words[2]);
    EXPECT_EQ(accesses(read_of(ksym_trace_show)), 3);
    on_all_cpus(ksym_writer, &ksym_words[3]);
    EXPECT_EQ(lines_with(read_of(ksym_trace_show), "ksym_words+0x18 W ksym_writer+0x", ""),
              EACH * nr_cpus);
    EXPECT_EQ(request("*:---"), 0);
    ksym_trace_clear();
    EXPECT_EQ(request("ksym_six:-w-"), 0); // the greatest length that fits
    EXPECT_EQ(request("ksym_six+4:-w-"), 0);
    expect_filters("ksym_six:-w-\nksym_six+0x4:-w-\n");
    EXPECT_EQ(request("ksym_six/4:rw-"), 0); // it has this length already
    EXPECT_EQ(request("ksym_six+4/2:rw-"), 0);
    expect_filters("ksym_six:rw-\nksym_six+0x4:rw-\n");
    EXPECT_EQ(request("  \n"), 0);
    expect_filters("");
}

KTEST_HWBP(refused, "ksym.refused", NULL)
{
    static const struct {
        const char *request;
        int error;
    } bad[] = {
        {"ksym_words", -EINVAL},
        {"ksym_words:", -EINVAL},
        {"ksym_words:rw", -EINVAL},
        {"ksym_words:r--", -EINVAL},
        {"ksym_words:--x", -EINVAL},
        {"ksym_words:wr-", -EINVAL},
        {"ksym_words:rw--", -EINVAL},
        {"ksym_words:rw-\nksym_other:rw-", -EINVAL},
        {"ksym_words+:rw-", -EINVAL},
        {"ksym_words+8x:rw-", -EINVAL},
        {"ksym_words+32:rw-", -EINVAL},
        {"ksym_words/3:rw-", -EINVAL},
        {"ksym_words/0:rw-", -EINVAL},
        {"ksym_words+4/8:rw-", -EINVAL},
        {"ksym_words/16:rw-", -EOPNOTSUPP},
        {":rw-", -ENOENT},
        {"no_such_symbol:rw-", -ENOENT},
        {"ksym_words+8:---", -ENOENT},
        {"cpus:-w-", -EINVAL}, // #DB itself needs it
    };
    EXPECT_EQ(request("ksym_other:-w-"), 0);
    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        long error = request(bad[i].request);
        if (error != bad[i].error)
            ktest_fail(__FILE__, __LINE__, "%s gives %ld, want %d", bad[i].request, error,
                       bad[i].error);
        expect_filters("ksym_other:-w-\n");
        EXPECT_EQ(hwbp_live(), 1);
    }
    char longest[129];
    EXPECT_EQ(snprintf(longest, sizeof(longest), "ksym_other/%0112u:-w-", 8), 127);
    EXPECT_EQ(request(longest), 0); // it has this length already
    strcopy(longest + 127, "-", 2); // one character too many, even if the rest makes sense
    EXPECT_EQ(request(longest), -EINVAL);
    EXPECT_EQ(request("ksym_other/3:rw-"), -EINVAL); // a change that is refused changes nothing
    expect_filters("ksym_other:-w-\n");
    EXPECT_EQ(request("0\n"), 0);
    expect_filters("");
}

KTEST_HWBP(slots, "ksym.slots", NULL)
{
    const char *four = "ksym_words:-w-\nksym_words+0x8:-w-\nksym_words+0x10:-w-\n"
                       "ksym_words+0x18:-w-\n";
    u64 heap = heap_bytes;
    EXPECT_EQ(request("ksym_words:-w-"), 0);
    EXPECT_EQ(request("ksym_words+8:-w-"), 0);
    EXPECT_EQ(request("ksym_words+16:-w-"), 0);
    EXPECT_EQ(request("ksym_words+24:-w-"), 0);
    EXPECT_EQ(request("ksym_other:-w-"), -ENOSPC);
    expect_filters(four);
    EXPECT_EQ(request("ksym_words+8:rw-"), 0); // no new slot
    EXPECT_EQ(request("ksym_words+8:---"), 0);
    EXPECT_EQ(request("ksym_other:-w-"), 0);
    EXPECT_EQ(request("\n"), 0);
    expect_filters("");
    EXPECT_EQ(hwbp_live(), 0);
    EXPECT(heap_bytes <= heap);
}

// Each allocation fails once. The request is refused, and nothing is left of it.
KTEST_HWBP(memory, "ksym.memory", NULL)
{
    if (!DEBUG_BUILD)
        return ktest_skip("only the debug build lets memory run out");
    u64 heap = heap_bytes, nth = 0, left = 0;
    while (!left) {
        mm_inject_failure(++nth);
        long err = request("ksym_other:-w-");
        left = mm_inject_failure(0);
        EXPECT_EQ(err, left ? 0 : -ENOMEM);
        expect_filters(left ? "ksym_other:-w-\n" : "");
    }
    EXPECT(nth > 2); // the filter, the breakpoint, and each CPU's part
    EXPECT_EQ(request("0"), 0);
    EXPECT(heap_bytes <= heap);
}

KTEST_HWBP(ring, "ksym.ring", NULL)
{
    const u32 ring = 2048 / nr_cpus - 1, more = 7; // the next access has a place of its own
    char head[64];
    ksym_trace_clear();
    EXPECT_EQ(request("ksym_other:-w-"), 0);
    EXPECT_EQ(request("ksym_words:-w-"), 0);
    preempt_disable(); // all accesses in one CPU's ring
    for (u32 i = 0; i < more; i++)
        *(volatile u64 *)&ksym_other = i;
    for (u32 i = 0; i < ring - 1; i++)
        *(volatile u64 *)&ksym_words[0] = i;
    preempt_enable();
    read_of(ksym_trace_show);
    snprintf(head, sizeof(head), "entries-written: %u/%u ", ring, ring + more - 1);
    EXPECT_EQ(lines_with(text, head, "#"), 1);
    snprintf(head, sizeof(head), "# lost: %u", more - 1);
    EXPECT_EQ(lines_with(text, head, ""), 1);
    EXPECT_EQ(lines_with(text, " ksym_other W", ""), 1); // the newest of the accesses before
    EXPECT_EQ(accesses(text), ring);
    EXPECT_EQ(request("0"), 0);
    ksym_trace_clear();
}

// ---- interruptions ----

// Accesses that are recorded without a #DB.
static const struct perf_event old_access = {
    .attr = {.bp_addr = (u64)&ksym_other, .bp_type = HW_BREAKPOINT_W}};
static struct perf_event new_access = {
    .attr = {.bp_addr = (u64)&ksym_words, .bp_type = HW_BREAKPOINT_W}};
static struct trapframe no_regs;
static u32 to_record;
static u32 old_seen, new_seen;

static void record(const struct perf_event *event, u32 times)
{
    for (u32 i = 0; i < times; i++)
        ksym_trace_hit((struct perf_event *)event, &no_regs);
}

static void count_both(void)
{
    read_of(ksym_trace_show);
    old_seen = lines_with(text, " ksym_other W", "");
    new_seen = lines_with(text, " ksym_words W", "");
}

static void record_new(struct perf_event *, struct trapframe *)
{
    record(&new_access, to_record);
    to_record = 0;
}

static void read_all(struct perf_event *, struct trapframe *)
{
    count_both();
}

static struct perf_event *interrupt(const volatile void *at, u32 type, perf_overflow_fn fn)
{
    struct perf_event_attr attr = bp_attr(at, type, 8);
    return perf_event_create_kernel_counter(&attr, -1, current_task(), fn, NULL);
}

// Three accesses come while the reader is at its first line. The places of the next two are
// overwritten, and the third one's may be at any moment.
static void interrupted_reader(void *)
{
    const u32 ring = 2048 / nr_cpus;
    record(&old_access, ring);
    struct perf_event *event = interrupt(ksym_add_name, HW_BREAKPOINT_X, record_new);
    to_record = 3;
    count_both();
    EXPECT_EQ(old_seen, ring - 1 - 2);
    EXPECT_EQ(new_seen, 0);
    perf_event_release_kernel(event);
    count_both();
    EXPECT_EQ(old_seen, ring - 1 - 3);
    EXPECT_EQ(new_seen, 3);
}

// The access that is just being written is not read, nor the one whose place it takes.
static void interrupted_writer(void *)
{
    const u32 ring = 2048 / nr_cpus;
    record(&old_access, ring);
    struct perf_event *event = interrupt(&new_access.attr.bp_addr, HW_BREAKPOINT_RW, read_all);
    record(&new_access, 1);
    EXPECT_EQ(bp_close(event), 1);
    EXPECT_EQ(old_seen, ring - 1);
    EXPECT_EQ(new_seen, 0);
}

static void on_one_cpu(void (*fn)(void *))
{
    ksym_trace_clear();
    struct task *t = kthread_create("ksymreader", fn, NULL, BIT(nr_cpus - 1));
    task_join(t);
    task_put(t);
    ksym_trace_clear();
}

KTEST_HWBP(interrupted, "ksym.interrupted", NULL)
{
    on_one_cpu(interrupted_reader);
    on_one_cpu(interrupted_writer);
}

// ---- many at once ----

static u32 writers; // atomic: still writing
static u64 each_writer;

static __attribute__((noinline)) void write_one(u64 i)
{
    *(volatile u64 *)&ksym_words[0] = i;
}

static __attribute__((noinline)) void write_other(u64 i)
{
    *(volatile u64 *)&ksym_other = i;
}

// Every third is another one. The ring's size is no multiple of three: each place gets both.
static void write_much(void *)
{
    for (u64 i = 0; i < each_writer; i++)
        (i % 3 ? write_one : write_other)(i);
    __atomic_fetch_sub(&writers, 1, __ATOMIC_RELEASE);
}

// Reads while all CPUs record. No line is torn, and at the end no access is missing.
KTEST_HWBP(busy, "ksym.busy", NULL)
{
    struct task *t[MAX_CPUS];
    char total[48];
    u32 reads = 0;
    writers = nr_cpus;
    each_writer = ktest_scale(3000);
    ksym_trace_clear();
    EXPECT_EQ(request("ksym_words:-w-"), 0);
    EXPECT_EQ(request("ksym_other:rw-"), 0);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        t[cpu] = kthread_create("ksymwriter", write_much, NULL, BIT(cpu));
    do {
        read_of(ksym_trace_show);
        EXPECT_EQ(lines_with(text, "ksym_words W write_one+0x", "ksymwriter-") +
                      lines_with(text, "ksym_other RW write_other+0x", "ksymwriter-"),
                  accesses(text));
        reads++;
    } while (__atomic_load_n(&writers, __ATOMIC_ACQUIRE));
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        task_join(t[cpu]);
        task_put(t[cpu]);
    }
    snprintf(total, sizeof(total), "/%lu ", each_writer * nr_cpus);
    EXPECT_EQ(lines_with(read_of(ksym_trace_show), "entries-written: ", total), 1);
    ktest_note("%u readings during %lu accesses", reads, each_writer * nr_cpus);
    EXPECT_EQ(request("0"), 0);
    ksym_trace_clear();
}

// The symbol tracer: it records each access on each CPU once, with the function; a request that is
// refused changes nothing; and the ring.
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "debug/ksym/ksym.h"
#include "kernel/base/printk.h"
#include "test/kernel/bp_test.h"

#define EACH      5 // accesses on each CPU
#define TEXT_SIZE (512u << 10)

u64 ksym_words[4] __aligned(32); // not static: the tracer finds it by its name
u64 ksym_other;

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

static void expect_filters(const char *want)
{
    EXPECT_EQ(strcmp(read_of(ksym_filter_show), want), 0);
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
    snprintf(cpu_word, sizeof(cpu_word), "%u   ", 2 * EACH * nr_cpus);
    EXPECT_EQ(lines_with(read_of(ksym_stat_show), cpu_word, "ksym_words"), 1);
    EXPECT_EQ(request("ksym_words:---"), 0);
    expect_filters("");
    on_all_cpus(ksym_writer, ksym_words);
    EXPECT_EQ(accesses(read_of(ksym_trace_show)), 2 * EACH * nr_cpus); // the old hits stay
    ksym_trace_clear();
    EXPECT_EQ(accesses(read_of(ksym_trace_show)), 0);
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
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + 123, ":rw-", 5);
    EXPECT_EQ(request(longest), -ENOENT); // 127 characters
    memcpy(longest + 124, ":rw-", 5);
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
}

KTEST_HWBP(ring, "ksym.ring", NULL)
{
    const u32 ring = 2048 / nr_cpus, more = 7;
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

static u32 writers; // atomic: still writing
static u64 each_writer;

static void write_much(void *)
{
    for (u64 i = 0; i < each_writer; i++)
        *(volatile u64 *)&ksym_words[0] = i;
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
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        t[cpu] = kthread_create("ksymwriter", write_much, NULL, BIT(cpu));
    do {
        read_of(ksym_trace_show);
        EXPECT_EQ(lines_with(text, "ksym_words W write_much+0x", "ksymwriter-"), accesses(text));
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

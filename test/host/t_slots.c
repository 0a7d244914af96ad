// link: hwbp/slots.c hwbp/words.c kernel/base/text.c
// The slot rules on the host: the table of worked examples. Also all short sequences of operations,
// and a million random ones, against an oracle that has only the list of live breakpoints.
#include "test/host/ktap.h"
#include "test/host/slots_oracle.h"
#include "test/slots_table.h"

#define WALK_DEPTH  5
#define WALK_CPUS   2
#define WALK_TASKS  2
#define RANDOM_OPS  1000000
#define RANDOM_CPUS 4

// ---- The engine, and the list of its breakpoints ----

struct world {
    struct slot_table table;
    struct slot_task task[MAX_TASKS];
    struct live live;
};

static void world_init(struct world *w, enum slot_rules rules, int nr_cpus, int nr_tasks)
{
    *w = (struct world){.live = {.nr_cpus = nr_cpus, .nr_tasks = nr_tasks}};
    slots_init(&w->table, rules, nr_cpus);
}

static struct slot_request request(struct world *w, const struct bp *b)
{
    return (struct slot_request){
        .task = b->task == NOBODY ? NULL : &w->task[b->task], .cpu = b->cpu, .pinned = b->pinned};
}

// The live list and one more breakpoint, in the words of test/slots_table.h.
static const char *words(const struct world *w, const struct bp *asked)
{
    static char text[MAX_LIVE * 5 + 8];
    char *p = text;
    for (int i = 0; i <= w->live.nr; i++) {
        const struct bp *b = i < w->live.nr ? &w->live.bp[i] : asked;
        if (b)
            p += sprintf(p, "%s%c%c%s", i < w->live.nr ? " " : " | ", "-ABCDEF"[b->task + 1],
                         "*0123"[b->cpu + 1], b -> pinned ? "" : "f");
    }
    *p = '\0';
    return text;
}

// Under "mainline" the list has each breakpoint as the rules count it.
static struct bp as_listed(const struct world *w, struct bp b)
{
    b.pinned |= w->table.rules == SLOTS_MAINLINE;
    return b;
}

static void check_table(const struct world *w)
{
    const char *wrong = table_differs(&w->table, &w->live);
    if (wrong)
        ktest_fail(__FILE__, __LINE__, "%s: %s wrong after%s", slots_name(w->table.rules), wrong,
                   words(w, NULL));
}

static void check_refusal(const struct world *w, const struct bp *b, const struct slot_refusal *why)
{
    EXPECT(can_run_on(b, why->cpu));
    EXPECT(why->by_cpu + why->by_task + why->kept + why->asked > SLOTS_PER_CPU);
    EXPECT_EQ(why->by_cpu, count_list(&w->live, why->cpu, NULL).pinned[0]);
}

// The smallest number of breakpoints with which a rule set refused a request that "exact" would
// grant; 0: never.
static int fewest_needless[3];

// Asks the engine and the oracle. A granted breakpoint is added to the list.
static bool reserve(struct world *w, struct bp asked)
{
    struct slot_request r = request(w, &asked);
    struct slot_refusal why;
    struct bp b = as_listed(w, asked);
    bool want = oracle_grants(w->table.rules, &w->live, &b);
    bool exact = !some_pair_fails(&w->live, &b);

    int err = slots_reserve(&w->table, &r, &why);
    if ((err == 0) != want || (err && err != SLOTS_ENOSPC))
        ktest_fail(__FILE__, __LINE__, "%s: %d, want %s:%s", slots_name(w->table.rules), err,
                   want ? "granted" : "refused", words(w, &b));
    if (err == 0 && !exact)
        ktest_fail(__FILE__, __LINE__, "%s granted what exact refuses:%s",
                   slots_name(w->table.rules), words(w, &b));
    int *fewest = &fewest_needless[w->table.rules];
    if (err && exact && (*fewest == 0 || w->live.nr + 1 < *fewest))
        *fewest = w->live.nr + 1;
    if (err)
        check_refusal(w, &b, &why);
    else
        w->live.bp[w->live.nr++] = b;
    check_table(w);
    return err == 0;
}

static void release(struct world *w, int i)
{
    struct slot_request r = request(w, &w->live.bp[i]);
    slots_release(&w->table, &r);
    w->live.bp[i] = w->live.bp[--w->live.nr];
    check_table(w);
}

// ---- Cases ----

static void rules_table(void)
{
    for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_MAINLINE; rules++)
        slots_check_rows(rules);
}

static bool same_bp(const struct bp *a, const struct bp *b)
{
    return a->task == b->task && a->cpu == b->cpu && a->pinned == b->pinned;
}

// All sequences of `depth` more operations. A refused one changes nothing, so the walk does not go
// deeper there.
static void walk(struct world *w, int depth)
{
    if (depth == 0)
        return;
    for (int kind = 0; kind < 3 * 3 * 2; kind++) {
        struct bp b = {.task = kind % 3 - 1, .cpu = kind / 3 % 3 - 1, .pinned = kind / 9};
        if (!reserve(w, b))
            continue;
        if (some_pair_fails(&w->live, NULL) != placements_fail(&w->live, NULL))
            ktest_fail(__FILE__, __LINE__, "pairs are not placements:%s", words(w, NULL));
        walk(w, depth - 1);
        release(w, w->live.nr - 1);
    }
    for (int i = 0; i < w->live.nr; i++) {
        bool seen = false; // equal breakpoints are released only once
        for (int j = 0; j < i; j++)
            seen |= same_bp(&w->live.bp[i], &w->live.bp[j]);
        if (seen)
            continue;
        struct world before = *w;
        release(w, i);
        walk(w, depth - 1);
        *w = before;
    }
}

static void all_sequences(void)
{
    static struct world w;
    for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_MAINLINE; rules++) {
        world_init(&w, rules, WALK_CPUS, WALK_TASKS);
        walk(&w, WALK_DEPTH);
    }
    EXPECT_EQ(fewest_needless[SLOTS_2009], 5);
    EXPECT_EQ(fewest_needless[SLOTS_EXACT], 0);
    EXPECT_EQ(fewest_needless[SLOTS_MAINLINE], 0); // it is exact if everything is pinned
}

// The kinds of request that 2009 refuses without need (docs/slots.md), each in its smallest form.
static void needless_refusals(void)
{
    static const char *const kinds[][2] = {
        {"4A*", "B*"},     // (a) what another task holds
        {"A*f 3B*", "B*"}, // (b) the register of another task's flexible one
        {"3A* B*f", "-0"}, // (c) the most pinned task and the flexible one are not the same
        {"-0f 3-1", "-*"}, // (d) a flexible one on another CPU
    };
    static struct slots_world w;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_EXACT; rules++) {
            slots_world_init(&w, rules);
            EXPECT_EQ(slots_script(&w, kinds[i][0]), 0);
            EXPECT_EQ(slots_script(&w, kinds[i][1]), rules == SLOTS_2009);
        }
    }
}

static u64 random_state = 0x2009102414173800; // any odd-looking number; fixed, so that runs repeat

static u32 random_below(u32 n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 33) % n;
}

// A new task inherits all breakpoints of its parent. The parent keeps its own.
static void inherit_all(struct world *w, int parent, int child)
{
    for (int i = w->live.nr - 1; i >= 0; i--) {
        struct bp b = w->live.bp[i];
        if (b.task != parent || w->live.nr == MAX_LIVE || random_below(4) == 0)
            continue;
        b.task = child;
        struct slot_request r = request(w, &b);
        slots_inherit(&w->table, &r);
        w->live.bp[w->live.nr++] = b;
        check_table(w);
    }
    EXPECT(!some_pair_fails(&w->live, NULL));
}

static bool holds_nothing(const struct world *w, int task)
{
    for (int i = 0; i < w->live.nr; i++)
        if (w->live.bp[i].task == task)
            return false;
    return true;
}

// Keeps the list mostly below `target`, so that both grants and refusals are frequent.
static void random_op(struct world *w, int target)
{
    if (random_below(32) == 0) {
        int parent = random_below(MAX_TASKS), child = random_below(MAX_TASKS);
        if (holds_nothing(w, child))
            inherit_all(w, parent, child);
    } else if (w->live.nr > 0 && random_below(2 * target) < (u32)w->live.nr) {
        release(w, random_below(w->live.nr));
    } else if (w->live.nr < MAX_LIVE) {
        struct bp b = {.task = (int)random_below(MAX_TASKS + 1) - 1,
                       .cpu = random_below(2) ? -1 : (int)random_below(RANDOM_CPUS),
                       .pinned = random_below(8) < 5};
        reserve(w, b);
    }
}

static void random_sequences(void)
{
    static struct world w;
    int left = 0;
    for (int op = 0; op < RANDOM_OPS; op++) {
        if (left-- == 0) {
            while (w.live.nr > 0)
                release(&w, w.live.nr - 1);
            world_init(&w, random_below(3), RANDOM_CPUS, MAX_TASKS);
            left = random_below(400);
        }
        random_op(&w, 4 + left % 3 * 8);
        if (op % 4096 == 0)
            EXPECT(!placements_fail(&w.live, NULL));
    }
}

static void scenarios(void)
{
    slots_check_scenarios();
}

// The only case in which the text of the 2009 rules and their meaning differ.
static void no_vouching(void)
{
    static struct slots_world w;
    slots_world_init(&w, SLOTS_2009);
    slots_script(&w, "4-0 -1f !A*f !-*f A1f");
    EXPECT_EQ(w.table.live, 6);
}

static void inheritance(void)
{
    for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_MAINLINE; rules++) {
        static struct slots_world w;
        struct slot_request child = {.task = &w.task[1], .cpu = -1, .pinned = true};
        slots_world_init(&w, rules);
        EXPECT_EQ(slots_script(&w, "3A* -1"), 0);
        for (int i = 0; i < 3; i++)
            slots_inherit(&w.table, &child); // 2009 would refuse each of them to another task
        EXPECT_EQ(w.table.cpu[0].tasks[0][3], 2);
        EXPECT_EQ(slots_script(&w, "3~A* !-1 !B*"), 0); // only the child still counts
        EXPECT_EQ(slots_script(&w, "3~B* 3-1 !-1"), 0);
    }
}

// A kernel bug must panic.
static void bugs_panic_under(enum slot_rules rules)
{
    static struct slots_world w;
    struct slot_request a1 = {.task = &w.task[0], .cpu = 1, .pinned = true};
    struct slot_request a2 = {.task = &w.task[0], .cpu = 2, .pinned = true};

    slots_world_init(&w, rules);
    EXPECT_PANIC(slots_release(&w.table, &a1));
    EXPECT_PANIC(slots_reserve(&w.table, &a2, NULL)); // there are two CPUs
    slots_script(&w, "A*");
    EXPECT_PANIC(slots_release(&w.table, &a1)); // "every CPU" is not "CPU 1"
    slots_world_init(&w, rules);
    slots_script(&w, "4-1");
    EXPECT_PANIC(slots_inherit(&w.table, &a1)); // there is no parent
    EXPECT_PANIC(slots_init(&w.table, rules, SLOT_CPUS + 1));
}

static void bugs_panic(void)
{
    for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_MAINLINE; rules++)
        bugs_panic_under(rules);
}

static void explained(const char *script, enum slot_rules rules, struct slot_request r,
                      const char *want)
{
    static struct slots_world w;
    struct slot_refusal why;
    char text[100], tiny[10];
    slots_world_init(&w, rules);
    EXPECT_EQ(slots_script(&w, script), 0);
    if (r.task)
        r.task = &w.task[1];
    EXPECT_EQ(slots_reserve(&w.table, &r, &why), SLOTS_ENOSPC);
    EXPECT_EQ(slots_explain(&why, text, sizeof(text)), __builtin_strlen(want));
    if (__builtin_strcmp(text, want) != 0)
        ktest_fail(__FILE__, __LINE__, "\"%s\", want \"%s\"", text, want);
    EXPECT_EQ(slots_explain(&why, tiny, sizeof(tiny)), sizeof(tiny) - 1);
    EXPECT(__builtin_memcmp(tiny, want, sizeof(tiny) - 1) == 0 && tiny[sizeof(tiny) - 1] == 0);
}

static void words_of_refusals(void)
{
    struct slot_task someone;
    struct slot_request task = {.task = &someone, .cpu = -1, .pinned = true};
    struct slot_request cpu = {.cpu = 1, .pinned = true}, flexible = {.cpu = 1};
    explained("4A*", SLOTS_2009, task, "cpu 0: 4 pinned by one task = 4");
    explained("3-1 -1f", SLOTS_EXACT, cpu,
              "cpu 1: 3 pinned by the CPU + 1 kept for 1 flexible = 4");
    explained("3-1 9A*f", SLOTS_EXACT, cpu,
              "cpu 1: 3 pinned by the CPU + 1 kept for 9 flexible = 4");
    explained("3-1 5-1f 4A*f", SLOTS_2009, cpu,
              "cpu 1: 3 pinned by the CPU + 1 kept for 9 flexible = 4");
    explained("2-1 2B1", SLOTS_EXACT, flexible,
              "cpu 1: 2 pinned by the CPU + 2 pinned by one task = 4");
    for (enum slot_rules i = SLOTS_2009; i <= SLOTS_MAINLINE; i++) {
        enum slot_rules parsed;
        EXPECT(slots_parse(slots_name(i), &parsed) && parsed == i);
        EXPECT(!slots_parse("2008", &parsed) && !slots_parse("", &parsed));
    }
}

static const struct ktap_case cases[] = {
    {"rules-table", rules_table},           {"rules-scenarios", scenarios},
    {"rules-all-sequences", all_sequences}, {"rules-random", random_sequences},
    {"rules-needless", needless_refusals},  {"rules-no-vouching", no_vouching},
    {"rules-inherit", inheritance},         {"rules-bugs-panic", bugs_panic},
    {"rules-words", words_of_refusals}, //
};
KTAP_MAIN(cases)

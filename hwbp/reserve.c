// Which breakpoints exist: the slot table and the list of live claims. Debug builds recount the
// table from the list after every operation.
#include "hwbp/reserve.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/errno.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "perf/context.h"
#include "sched/trace.h"
#include "sched/wait.h"

_Static_assert(SLOTS_PER_CPU == HBP_NUM && SLOT_CPUS == MAX_CPUS, "slots.h knows no CPU");

static struct mutex slots_mutex; // RANK_SLOTS: guards all below, and every task's tally
static struct slot_table table;
static struct list claims = LIST_INIT(claims);

// The last refusals in words, a ring: refusal number n is in refusals[n % REFUSALS].
#define REFUSALS 8
static char refusals[REFUSALS][192];
static u64 nr_refusals;

static struct bp_task *tally_of(const struct task *task)
{
    return task ? task->perf_ctx->pmu_data : NULL;
}

void hwbp_slots_init(void)
{
    char name[16] = "2009";
    enum slot_rules rules;
    cmdline_get("slots", name, sizeof(name));
    if (!slots_parse(name, &rules))
        boot_refuse("dr7: slots= names no rule set (2009, exact, mainline)");
    mutex_init(&slots_mutex, "slots", RANK_SLOTS);
    slots_init(&table, rules, nr_cpus);
}

// ---- the recount: the table must equal what the live claims add up to ----

static struct slot_request request_of(const struct bp_claim *c, bool recount)
{
    struct bp_task *tally = tally_of(c->task);
    return (struct slot_request){
        .task = tally ? (recount ? &tally->recount : &tally->kept) : NULL,
        .cpu = c->cpu,
        .pinned = c->pinned,
    };
}

static struct slot_table recounted;

static bool recount(void)
{
    struct bp_claim *c;
    bool same = true;
    slots_init(&recounted, table.rules, table.nr_cpus);
    list_for_each (c, &claims, node)
        if (c->task)
            memset(&tally_of(c->task)->recount, 0, sizeof(struct slot_task));
    list_for_each (c, &claims, node) {
        struct slot_request r = request_of(c, true);
        slots_inherit(&recounted, &r);
    }
    list_for_each (c, &claims, node) {
        struct bp_task *t = tally_of(c->task);
        if (t && memcmp(&t->kept, &t->recount, sizeof(t->kept)))
            same = false;
    }
    return same && slots_equal(&table, &recounted);
}

static void print_table(const char *name, const struct slot_table *t)
{
    for (u32 cpu = 0; cpu < t->nr_cpus; cpu++) {
        const struct slot_cpu *s = &t->cpu[cpu];
        printk("%s cpu %u: cpu_pinned %u cpu_flexible %u flexible %u tasks", name, cpu,
               s->cpu_pinned, s->cpu_flexible, s->flexible);
        for (u32 n = 0; n <= SLOTS_PER_CPU; n++)
            printk(" %u/%u", s->tasks[0][n], s->tasks[1][n]);
        printk("\n");
    }
}

void claims_print(void)
{
    print_table("kept     ", &table);
    print_table("recounted", &recounted);
}

static void check_locked(void)
{
    if (!recount())
        panic("slot counts differ from the live breakpoints"); // which prints both tables
}

void hwbp_check_slots(void)
{
    mutex_lock(&slots_mutex);
    check_locked();
    mutex_unlock(&slots_mutex);
}

// ---- claims ----

// `what`: the errno's name and the reason; `request`: what the parentheses say besides who asked.
static void remember_refusal(const struct task *task, bool pinned, const char *what,
                             const char *request)
{
    char *line = refusals[nr_refusals++ % REFUSALS], who[24] = "no task";
    if (task)
        snprintf(who, sizeof(who), "task %u", task->tid);
    snprintf(line, sizeof(refusals[0]), "%s (%s, %s, %s)", what, who,
             pinned ? "pinned" : "flexible", request);
    TRACE(TRACE_REFUSED, .tid = task ? task->tid : 0, .a = (u64)line);
}

static void remember_full(const struct bp_claim *c, const struct slot_refusal *why)
{
    char words[96] = "ENOSPC ", rules[24];
    slots_explain(why, words + strlen(words), sizeof(words) - strlen(words));
    snprintf(rules, sizeof(rules), "rules %s", slots_name(table.rules));
    remember_refusal(c->task, c->pinned, words, rules);
}

void remember_invalid(const struct perf_event *event, const struct perf_event_attr *attr, int err,
                      const char *why)
{
    static const char *types[] = {"none", "r", "w", "rw", "x"};
    u32 type = attr->bp_type;
    char what[72], request[72];
    snprintf(what, sizeof(what), "%s %s", err == -EOPNOTSUPP ? "EOPNOTSUPP" : "EINVAL", why);
    snprintf(request, sizeof(request), "addr=0x%lx len=%lu type=%s", attr->bp_addr, attr->bp_len,
             type < ARRAY_SIZE(types) ? types[type] : "unknown");
    mutex_lock(&slots_mutex);
    remember_refusal(event->target, event->leader->attr.pinned, what, request);
    mutex_unlock(&slots_mutex);
}

// The first breakpoint of a task brings its tally.
static int make_tally(struct task *task)
{
    if (!task || tally_of(task))
        return 0;
    task->perf_ctx->pmu_data = kalloc(sizeof(struct bp_task));
    return tally_of(task) ? 0 : -ENOMEM;
}

static int admit_locked(struct bp_claim *claim, bool inherited)
{
    struct slot_refusal why;
    int err = make_tally(claim->task);
    if (!err) {
        struct slot_request r = request_of(claim, false);
        if (inherited)
            slots_inherit(&table, &r);
        else
            err = slots_reserve(&table, &r, &why);
        if (err)
            remember_full(claim, &why);
        else
            list_add_tail(&claim->node, &claims);
    }
    if (DEBUG_BUILD)
        check_locked();
    return err;
}

static int admit(struct bp_claim *claim, bool inherited)
{
    mutex_lock(&slots_mutex);
    int err = admit_locked(claim, inherited);
    mutex_unlock(&slots_mutex);
    return err;
}

int claim_reserve(struct bp_claim *claim)
{
    return admit(claim, false);
}

int claim_inherit(struct bp_claim *claim)
{
    return admit(claim, true);
}

static void release_locked(struct bp_claim *claim)
{
    struct slot_request r = request_of(claim, false);
    slots_release(&table, &r);
    list_del(&claim->node);
    if (DEBUG_BUILD)
        check_locked();
}

void claim_release(struct bp_claim *claim)
{
    mutex_lock(&slots_mutex);
    release_locked(claim);
    mutex_unlock(&slots_mutex);
}

// Nobody runs who could take it meanwhile.
static bool slots_mutex_is_free(void)
{
    return !slots_mutex.holder && !slots_mutex.queue.lock.locked;
}

int claim_try_reserve(struct bp_claim *claim)
{
    return slots_mutex_is_free() ? admit_locked(claim, false) : -EBUSY;
}

bool claim_try_release(struct bp_claim *claim)
{
    bool free = slots_mutex_is_free();
    if (free)
        release_locked(claim);
    return free;
}

void claim_release_event(struct perf_event *event)
{
    mutex_lock(&slots_mutex);
    if (bp_of(event)->claim == &bp_of(event)->own)
        release_locked(&bp_of(event)->own);
    mutex_unlock(&slots_mutex);
}

void hwbp_flush_task(struct task *task)
{
    struct bp_claim *c, *next;
    mutex_lock(&slots_mutex);
    list_for_each_safe (c, next, &claims, node) {
        if (c->task != task || !bp_of(c->event)->thread)
            continue;
        perf_event_retire(c->event);
        bp_of(c->event)->claim = NULL;
        release_locked(c);
    }
    mutex_unlock(&slots_mutex);
}

// ---- for everybody else ----

enum slot_rules hwbp_rules(void)
{
    return table.rules;
}

int hwbp_set_rules(const char *name)
{
    enum slot_rules rules;
    if (!slots_parse(name, &rules))
        return -EINVAL;
    mutex_lock(&slots_mutex);
    int err = table.live ? -EBUSY : 0;
    if (!err)
        slots_init(&table, rules, nr_cpus);
    mutex_unlock(&slots_mutex);
    return err;
}

u32 hwbp_live(void)
{
    return __atomic_load_n(&table.live, __ATOMIC_RELAXED);
}

void hwbp_last_refusal(char *buf, size_t size)
{
    mutex_lock(&slots_mutex);
    strcopy(buf, nr_refusals ? refusals[(nr_refusals - 1) % REFUSALS] : "", size);
    mutex_unlock(&slots_mutex);
}

void claims_show(struct text *t)
{
    mutex_lock(&slots_mutex);
    for (u32 cpu = 0; cpu < table.nr_cpus; cpu++) {
        const struct slot_cpu *s = &table.cpu[cpu];
        text_add(t, "slots %u cpu_pinned=%u max_task=%u flexible=%u\n", cpu, s->cpu_pinned,
                 slots_max_task(s), s->flexible);
    }
    for (u64 n = nr_refusals - MIN(nr_refusals, (u64)REFUSALS); n < nr_refusals; n++)
        text_add(t, "refused %s\n", refusals[n % REFUSALS]);
    mutex_unlock(&slots_mutex);
}

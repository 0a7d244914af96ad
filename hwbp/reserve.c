// Which breakpoints exist: the slot table and the list of live claims. Debug builds recount the
// table from the list again and again (kernel/checks/breakpoints.c).
#include "hwbp/reserve.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "perf/context.h"
#include "sched/trace.h"

_Static_assert(SLOTS_PER_CPU == HBP_NUM && SLOT_CPUS == MAX_CPUS, "slots.h knows no CPU");

struct claims claims = {.live = LIST_INIT(claims.live)};

struct bp_task *tally_of(const struct task *task)
{
    return task ? task->perf_ctx->pmu_data : NULL;
}

void hwbp_slots_init(void)
{
    char name[16] = "2009";
    cmdline_get("slots", name, sizeof(name));
    mutex_init(&claims.mutex, "slots", RANK_SLOTS);
    if (hwbp_set_rules(name))
        boot_refuse("dr7: slots= names no rule set (2009, exact, mainline)");
}

static struct slot_request request_of(const struct bp_claim *c)
{
    struct bp_task *tally = tally_of(c->task);
    return (struct slot_request){
        .task = tally ? &tally->kept : NULL, .cpu = c->cpu, .pinned = c->pinned};
}

// ---- claims ----

// `err`: the errno's name; `request`: what the parentheses say besides who asked.
static void remember_refusal(const struct task *task, bool pinned, const char *err, const char *why,
                             const char *request)
{
    char *line = claims.refusals[claims.nr_refusals++ % REFUSALS], who[24] = "no task";
    if (task)
        snprintf(who, sizeof(who), "task %u", task->tid);
    snprintf(line, sizeof(claims.refusals[0]), "%s %s (%s, %s, %s)", err, why, who,
             pinned ? "pinned" : "flexible", request);
    TRACE(TRACE_REFUSED, .tid = task ? task->tid : 0, .a = (u64)line);
}

static void remember_full(const struct bp_claim *c, const struct slot_refusal *why)
{
    char words[96], rules[24];
    slots_explain(why, words, sizeof(words));
    snprintf(rules, sizeof(rules), "rules %s", slots_name(claims.table.rules));
    remember_refusal(c->task, c->pinned, "ENOSPC", words, rules);
}

void remember_invalid(const struct perf_event *event, const struct perf_event_attr *attr, int err,
                      const char *why)
{
    static const char *types[] = {"none", "r", "w", "rw", "x"};
    // Without a claim the event is new, and its opener holds the leader. Later it may be freed.
    const struct bp_claim *claim = bp_of(event)->claim;
    bool pinned = claim ? claim->pinned : event->leader->attr.pinned;
    u32 type = attr->bp_type;
    char request[72];
    snprintf(request, sizeof(request), "addr=0x%lx len=%lu type=%s", attr->bp_addr, attr->bp_len,
             type < ARRAY_SIZE(types) ? types[type] : "unknown");
    mutex_lock(&claims.mutex);
    remember_refusal(event->target, pinned, err == -EOPNOTSUPP ? "EOPNOTSUPP" : "EINVAL", why,
                     request);
    mutex_unlock(&claims.mutex);
}

// The first breakpoint of a task brings its tally.
static int make_tally(struct task *task)
{
    if (!task || tally_of(task))
        return 0;
    task->perf_ctx->pmu_data = kalloc(sizeof(struct bp_task));
    return tally_of(task) ? 0 : -ENOMEM;
}

int claim_admit(struct bp_claim *claim, bool inherited)
{
    struct slot_refusal why;
    int err = make_tally(claim->task);
    if (!err) {
        struct slot_request r = request_of(claim);
        if (inherited)
            slots_inherit(&claims.table, &r);
        else
            err = slots_reserve(&claims.table, &r, &why);
        if (err)
            remember_full(claim, &why);
        else
            list_add_tail(&claim->node, &claims.live);
    }
    CHECKED(claims_check());
    return err;
}

int claim_reserve(struct bp_claim *claim, bool inherited)
{
    mutex_lock(&claims.mutex);
    int err = claim_admit(claim, inherited);
    mutex_unlock(&claims.mutex);
    return err;
}

void claim_drop(struct bp_claim *claim)
{
    struct slot_request r = request_of(claim);
    slots_release(&claims.table, &r);
    list_del(&claim->node);
    CHECKED(claims_check());
}

void claim_release(struct bp_claim *claim)
{
    mutex_lock(&claims.mutex);
    claim_drop(claim);
    mutex_unlock(&claims.mutex);
}

// ---- for everybody else ----

enum slot_rules hwbp_rules(void)
{
    return claims.table.rules;
}

int hwbp_set_rules(const char *name)
{
    enum slot_rules rules;
    if (!slots_parse(name, &rules))
        return -EINVAL;
    mutex_lock(&claims.mutex);
    int err = claims.table.live ? -EBUSY : 0;
    if (!err)
        slots_init(&claims.table, rules, nr_cpus);
    mutex_unlock(&claims.mutex);
    return err;
}

u32 hwbp_live(void)
{
    return __atomic_load_n(&claims.table.live, __ATOMIC_RELAXED);
}

// Breakpoints of a debugger that has stopped the machine: see stopped.h.
#include "debug/kgdb/stopped.h"
#include "perf/context.h"

int hwbp_stopped_init(struct hwbp_stopped *s)
{
    s->claim = (struct bp_claim){.cpu = -1, .pinned = true};
    s->attr = (struct perf_event_attr){.type = PERF_TYPE_BREAKPOINT,
                                       .size = sizeof(s->attr),
                                       .pinned = 1,
                                       .disabled = 1,
                                       .bp_type = HW_BREAKPOINT_W,
                                       .bp_len = 1};
    for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
        struct perf_request r = {
            .attr = &s->attr, .cpu = cpu, .pmu_arg = &s->claim, .wait_for_cpu = true};
        s->event[cpu] = perf_event_create(&r);
        if (IS_ERR(s->event[cpu])) {
            int err = PTR_ERR(s->event[cpu]);
            s->event[cpu] = NULL;
            while (cpu--)
                perf_event_release_kernel(s->event[cpu]);
            return err == -ENOENT ? 0 : err; // -ENOENT: a kernel without breakpoints has no PMU
        }
    }
    return 0;
}

// Nobody runs who could take it meanwhile.
static bool claims_are_free(void)
{
    return !claims.mutex.holder && !claims.mutex.queue.lock.locked;
}

static int reserve(struct hwbp_stopped *s)
{
    if (s->claimed == CLAIM_HELD)
        return 0;
    return claims_are_free() ? claim_admit(&s->claim, false) : -EBUSY;
}

// The slot is reserved before the request is validated, as everywhere (hwbp/pmu.c).
int hwbp_stopped_set(struct hwbp_stopped *s, u64 addr, u32 bp_type, u64 bp_len)
{
    struct perf_event_attr attr = s->attr;
    struct hw_breakpoint bp = {.claim = &s->claim};
    const char *why; // gdb's protocol has no words for it
    if (s->claimed == CLAIM_LEAVING)
        return -EBUSY;
    int err = reserve(s);
    if (err)
        return err;
    s->claimed = CLAIM_HELD;
    attr.bp_addr = addr;
    attr.bp_type = bp_type;
    attr.bp_len = bp_len;
    err = hwbp_parse(&attr, &bp, &why);
    if (err)
        return err;
    s->attr = attr;
    s->bp = bp;
    s->on = true;
    s->version++;
    return 0;
}

void hwbp_stopped_clear(struct hwbp_stopped *s)
{
    s->on = false;
    s->version++;
}

bool hwbp_stopped_release(struct hwbp_stopped *s)
{
    if (s->claimed == CLAIM_HELD && !s->on && claims_are_free()) {
        claim_drop(&s->claim);
        s->claimed = CLAIM_NONE;
    }
    return s->on || s->claimed == CLAIM_NONE;
}

// The machine may be stopped at any point in here, and gdb may then want this breakpoint again. So
// each step changes `claimed` by one compare-and-exchange.
void hwbp_stopped_release_later(struct hwbp_stopped *s)
{
    u32 held = CLAIM_HELD;
    if (!__atomic_compare_exchange_n(&s->claimed, &held, CLAIM_LEAVING, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return;
    if (__atomic_load_n(&s->on, __ATOMIC_RELAXED)) {
        s->claimed = CLAIM_HELD;
        return;
    }
    claim_release(&s->claim);
    __atomic_store_n(&s->claimed, CLAIM_NONE, __ATOMIC_RELEASE);
}

// Gives the event its new condition, under its context's lock. The event is not ACTIVE.
static void take_over(struct perf_event *event, void *arg)
{
    const struct hwbp_stopped *s = arg;
    perf_set_state(event, PERF_OFF);
    if (s->on) {
        event->attr = s->attr;
        *bp_of(event) = s->bp;
        perf_set_state(event, PERF_INACTIVE);
    }
}

static bool is_locked(const struct perf_event_context *ctx)
{
    return ctx && __atomic_load_n(&ctx->lock.locked, __ATOMIC_RELAXED);
}

// This CPU has stopped, IRQs off. False: in the middle of an edit of its registers, in a walk over
// the events that have them, or while it held the lock of a context. Otherwise its own events can
// be changed, although it has stopped: with its registers free to be written (dr_unpause()), and
// spinlocks not checked.
static bool may_edit(const struct perf_cpu *pc)
{
    return !pc->edit_depth && !pc->in_switch && !pc->walked && !is_locked(&pc->ctx) &&
           !is_locked(pc->task_ctx);
}

bool hwbp_stopped_apply(struct hwbp_stopped *s, u64 *dr7)
{
    u32 cpu = cpu_id();
    if (s->applied[cpu] == s->version)
        return true;
    if (*dr7 != this_cpu()->dr.live_dr7)
        return false;
    dr_unpause(*dr7);
    bool done = may_edit(this_perf_cpu());
    if (done)
        perf_ctx_run(s->event[cpu], take_over, s);
    *dr7 = dr_pause();
    if (done)
        s->applied[cpu] = s->version;
    return done;
}

void hwbp_stopped_catch_up(struct hwbp_stopped *s)
{
    u32 cpu = cpu_id();
    u32 version = __atomic_load_n(&s->version, __ATOMIC_RELAXED);
    if (s->applied[cpu] == version)
        return;
    perf_ctx_run(s->event[cpu], take_over, s);
    s->applied[cpu] = version;
}

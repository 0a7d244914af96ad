// Sets of pending signals: see sigqueue.h.
#include "linux/task/sigqueue.h"

#include "kernel/base/errno.h"
#include "kernel/mm/heap.h"
#include "linux/base/limited.h"

struct sigentry {
    struct list node;
    struct siginfo info;
};

static u64 nr_entries; // of all queues; atomic

u64 sigpending_entries(void)
{
    return __atomic_load_n(&nr_entries, __ATOMIC_RELAXED);
}

// NULL: there are `limit` entries already, or memory is out.
static struct sigentry *entry_new(u64 limit)
{
    if (!count_up(&nr_entries, 1, limit))
        return NULL;
    struct sigentry *e = kalloc(sizeof(*e));
    if (!e)
        __atomic_fetch_sub(&nr_entries, 1, __ATOMIC_RELAXED);
    return e;
}

static void entry_free(struct sigentry *e)
{
    list_del(&e->node);
    kfree(e);
    __atomic_fetch_sub(&nr_entries, 1, __ATOMIC_RELAXED);
}

int sigpending_add(struct sigpending *q, int sig, const struct siginfo *info, u64 limit)
{
    if (sig < SIGRTMIN && (q->set & SIG_BIT(sig)))
        return 0;
    bool above_limit = sig < SIGRTMIN && (!info || info->code >= 0);
    struct sigentry *e = entry_new(above_limit ? UINT64_MAX : limit);
    if (!e && sig >= SIGRTMIN && info && info->code != SI_USER)
        return -EAGAIN;
    q->set |= SIG_BIT(sig);
    if (!e)
        return 0;
    if (info)
        e->info = *info;
    else
        e->info.code = SI_KERNEL;
    e->info.signo = sig;
    list_add_tail(&e->node, &q->queue);
    return 0;
}

u32 sigpending_peek(const struct sigpending *q, u64 from, struct siginfo *out, u32 n)
{
    const struct sigentry *e;
    u32 got = 0;
    list_for_each (e, &q->queue, node) {
        if (got == n)
            break;
        if (from)
            from--;
        else
            out[got++] = e->info;
    }
    return got;
}

int sigpending_take(struct sigpending *q, u64 allowed, struct siginfo *out)
{
    u64 set = q->set & allowed;
    if (!set)
        return 0;
    int sig = __builtin_ctzll(set & SIG_FAULTS ? set & SIG_FAULTS : set) + 1;
    struct sigentry *e, *next, *found = NULL;
    bool more = false;
    list_for_each_safe (e, next, &q->queue, node) {
        if (e->info.signo != sig)
            continue;
        if (found) {
            more = true;
            break;
        }
        found = e;
    }
    if (!more)
        q->set &= ~SIG_BIT(sig);
    *out = found ? found->info : (struct siginfo){.signo = sig, .code = SI_USER};
    if (found)
        entry_free(found);
    return sig;
}

void sigpending_flush(struct sigpending *q, u64 set, struct list *gone)
{
    struct sigentry *e, *next;
    if (!list_empty(&q->queue) && (q->set & set)) {
        list_for_each_safe (e, next, &q->queue, node) {
            if (SIG_BIT(e->info.signo) & set) {
                list_del(&e->node);
                list_add_tail(&e->node, gone);
            }
        }
    }
    q->set &= ~set;
}

void sigpending_free(struct list *gone)
{
    while (!list_empty(gone))
        entry_free(list_first(gone, struct sigentry, node));
}

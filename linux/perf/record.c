// Records other than samples. See record.h.
#include "arch/x86/platform.h"
#include "arch/x86/user/upcalls.h"
#include "kernel/base/string.h"
#include "linux/perf/record.h"
#include "linux/perf/perf.h"
#include "linux/perf/ring.h"
#include "linux/perf/sample.h"
#include "linux/perf/upcalls.h"
#include "linux/perf/wakeup.h"
#include "linux/perf/words.h"

#define PATH_BYTES 256

u32 perf_record_listeners;

static bool listens(const struct perf_event_attr *a)
{
    return a->comm || a->task || a->mmap || a->mmap2 || a->mmap_data || a->context_switch;
}

void perf_record_account(const struct perf_event *event, int by)
{
    if (listens(&event->attr))
        __atomic_fetch_add(&perf_record_listeners, by, __ATOMIC_SEQ_CST);
}

// Writes a record with the event's trailer. Afterwards the header is without the trailer again, for
// the next event.
static void emit(struct perf_event *event, struct perf_record_header *header)
{
    u16 size = header->size;
    header->size += perf_put_sample_id(event, (u64 *)((u8 *)header + size));
    perf_buffer_write(event, header);
    header->size = size;
}

static u16 put_text(char *to, const char *text)
{
    memset(to, 0, PATH_BYTES);
    strcopy(to, text, PATH_BYTES);
    return ALIGN_UP(strlen(to) + 1, sizeof(u64));
}

// Calls fn for the events of this CPU and of the running task. A record may leave work (a wakeup).
// The task that writes the record does this work before it goes on. A switch cannot do it.
static void tell(void (*fn)(struct perf_event *, void *), void *arg)
{
    u64 flags = irq_save();
    perf_for_each_here(fn, arg);
    if (flags & RFLAGS_IF && !preempt_count())
        perf_debug_return();
    else
        perf_work_interrupt();
    irq_restore(flags);
}

static bool hears(const struct perf_event *event)
{
    return event->state >= PERF_INACTIVE && (event->cpu < 0 || event->cpu == (s32)cpu_id());
}

// ---- COMM, FORK, EXIT ----

static void tell_comm(struct perf_event *event, void *arg)
{
    if (hears(event) && event->attr.comm)
        emit(event, arg);
}

void perf_record_comm(bool exec)
{
    struct {
        struct perf_record_header header;
        u64 ids;
        char text[PATH_BYTES + sizeof(u64) * PERF_SAMPLE_ID_WORDS];
    } r = {.header = {.type = PERF_RECORD_COMM, .misc = exec ? PERF_MISC_COMM_EXEC : 0}};
    if (!perf_record_wanted())
        return;
    r.ids = perf_put_ids();
    r.header.size = offsetof(__typeof__(r), text) + put_text(r.text, current_task()->comm);
    tell(tell_comm, &r.header);
}

static void tell_task(struct perf_event *event, void *arg)
{
    const struct perf_event_attr *a = &event->attr;
    if (hears(event) && (a->task || a->comm || a->mmap || a->mmap2 || a->mmap_data))
        emit(event, arg);
}

static void record_task(u32 type, struct task *task, u32 ppid, u32 ptid)
{
    struct {
        struct perf_record_header header;
        u32 pid, ppid, tid, ptid;
        u64 time, trailer[PERF_SAMPLE_ID_WORDS];
    } r = {
        .header = {.type = type, .size = offsetof(__typeof__(r), trailer)},
        .pid = perf_task_pid(task),
        .ppid = ppid,
        .tid = task->tid,
        .ptid = ptid,
        .time = clock_ns(),
    };
    tell(tell_task, &r.header);
}

void perf_record_fork(struct task *child)
{
    if (perf_record_wanted())
        record_task(PERF_RECORD_FORK, child, perf_task_pid(current_task()), current_task()->tid);
}

void perf_record_exit(void)
{
    if (!perf_record_wanted())
        return;
    u32 parent = perf_parent_pid();
    record_task(PERF_RECORD_EXIT, current_task(), parent, parent);
}

// ---- MMAP ----

// Both forms of one record: MMAP, and MMAP2 with the file's number and the rights.
struct mmap_records {
    bool exec;
    struct mmap_record {
        struct perf_record_header header;
        struct place {
            u64 ids, addr, len, offset;
        } at;
        char text[PATH_BYTES + sizeof(u64) * PERF_SAMPLE_ID_WORDS];
    } one;
    struct mmap2_record {
        struct perf_record_header header;
        struct place at;
        u32 major, minor;
        u64 ino, generation;
        u32 prot, flags;
        char text[PATH_BYTES + sizeof(u64) * PERF_SAMPLE_ID_WORDS];
    } two;
};

static void tell_mmap(struct perf_event *event, void *arg)
{
    struct mmap_records *r = arg;
    const struct perf_event_attr *a = &event->attr;
    if (!hears(event) || !(r->exec ? a->mmap || a->mmap2 : a->mmap_data))
        return;
    emit(event, a->mmap2 ? &r->two.header : &r->one.header);
}

void perf_record_mmap(const struct perf_mapping *m)
{
    if (!perf_record_wanted())
        return;
    struct mmap_records r = {.exec = m->prot & PROT_EXEC};
    const struct place at = {perf_put_ids(), m->addr, m->len, m->offset};
    const char *path = m->path ? m->path : "//anon";
    u16 misc = PERF_MISC_USER | (r.exec ? 0 : PERF_MISC_MMAP_DATA);
    r.one.header = (struct perf_record_header){PERF_RECORD_MMAP, misc, 0};
    r.two.header = (struct perf_record_header){PERF_RECORD_MMAP2, misc, 0};
    r.one.header.size = offsetof(struct mmap_record, text) + put_text(r.one.text, path);
    r.two.header.size = offsetof(struct mmap2_record, text) + put_text(r.two.text, path);
    r.one.at = r.two.at = at;
    r.two.minor = m->minor;
    r.two.ino = m->ino;
    r.two.prot = m->prot;
    r.two.flags = m->flags;
    tell(tell_mmap, &r);
}

// ---- SWITCH ----

struct switch_record {
    struct perf_record_header header;
    u32 other_pid, other_tid; // only in records for events of a CPU
    u64 trailer[PERF_SAMPLE_ID_WORDS];
};

static void tell_switch(struct perf_event *event, void *arg)
{
    const struct switch_record *r = arg;
    struct switch_record mine = *r;
    if (!hears(event) || !event->attr.context_switch)
        return;
    if (event->ctx->task) {
        mine.header.type = PERF_RECORD_SWITCH;
        mine.header.size = sizeof(mine.header);
    } else {
        mine.header.type = PERF_RECORD_SWITCH_CPU_WIDE;
        mine.header.size = offsetof(struct switch_record, trailer);
    }
    emit(event, &mine.header);
}

void perf_record_switch(bool out, bool preempted, struct task *other)
{
    struct switch_record r = {
        .header = {.misc = (out ? PERF_MISC_SWITCH_OUT : 0) |
                           (out && preempted ? PERF_MISC_SWITCH_PREEMPT : 0)},
        .other_pid = perf_task_pid(other),
        .other_tid = other->tid,
    };
    tell(tell_switch, &r);
}

// ---- THROTTLE, READ ----

void perf_record_throttle(struct perf_event *event, u32 type)
{
    struct {
        struct perf_record_header header;
        u64 time, id, stream_id, trailer[PERF_SAMPLE_ID_WORDS];
    } r = {
        .header = {.type = type, .size = offsetof(__typeof__(r), trailer)},
        .time = perf_clock(event),
        .id = perf_original(event)->id,
        .stream_id = event->id,
    };
    emit(event, &r.header);
}

void perf_record_read(struct perf_event *copy)
{
    if (!copy->attr.inherit_stat)
        return;
    struct {
        struct perf_record_header header;
        u64 ids, words[3 + 3 * PERF_SAMPLE_GROUP_MAX], trailer[PERF_SAMPLE_ID_WORDS];
    } r = {.header = {.type = PERF_RECORD_READ}};
    struct words w = WORDS_IN(r.words);
    u64 flags = irq_save();
    r.ids = perf_put_ids();
    perf_put_sample_read(&w, copy);
    r.header.size = offsetof(__typeof__(r), words) + words_bytes(&w);
    emit(copy, &r.header);
    perf_work_interrupt();
    irq_restore(flags);
}

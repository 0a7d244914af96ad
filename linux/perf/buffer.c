// The life of mapped buffers. mmap(2) makes one, SET_OUTPUT shares it, and the last user frees it.
// See ring.h.
#include "arch/x86/smp.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/perf/output.h"
#include "linux/perf/ring.h"
#include "linux/perf/sample.h"

static void put(struct perf_buffer *b)
{
    if (!ref_put(&b->users))
        return;
    for (u32 i = 0; i < b->nr_data; i++)
        if (b->data[i])
            page_unref(virt_to_phys(b->data[i]));
    if (b->page)
        page_unref(virt_to_phys(b->page));
    kfree(b);
}

// The last mapping has gone. Runs under the lock of an address space.
static void unmapped(struct vm_object *o)
{
    struct perf_buffer *b = container_of(o, struct perf_buffer, object);
    __atomic_store_n(&b->unmapped, true, __ATOMIC_RELEASE);
    put(b);
}

static int page_at(struct vm_object *o, u64 n, u64 *pa)
{
    struct perf_buffer *b = container_of(o, struct perf_buffer, object);
    if (n > b->nr_data)
        return -EIO;
    *pa = virt_to_phys(n ? (void *)b->data[n - 1] : (void *)b->page);
    page_ref(*pa);
    return 0;
}

static void *new_page(void)
{
    u64 pa = page_alloc_zeroed();
    return pa ? phys_to_virt(pa) : NULL;
}

static struct perf_buffer *buffer_new(u64 nr_data, const struct perf_event_attr *attr,
                                      bool writable)
{
    if (nr_data > (PAGE_SIZE << MAX_ORDER) / sizeof(u64) / 2) // its table would not fit the heap
        return NULL;
    struct perf_buffer *b = kalloc(sizeof(*b) + nr_data * sizeof(b->data[0]));
    if (!b)
        return NULL;
    ref_init(&b->object.refs);
    ref_init(&b->users); // this first reference stands for all mappings
    b->object.nr_pages = 1 + nr_data;
    b->object.page = page_at;
    b->object.release = unmapped;
    b->object.no_fork = true;
    b->object.whole = true;
    b->nr_data = nr_data;
    b->overwrite = !writable;
    b->backward = attr->write_backward;
    b->page = new_page();
    bool ok = b->page;
    for (u32 i = 0; i < nr_data && ok; i++)
        ok = (b->data[i] = new_page());
    if (!ok) {
        put(b);
        return NULL;
    }
    if (attr->watermark)
        b->watermark = MIN(perf_buffer_size(b), attr->wakeup_events);
    if (!b->watermark)
        b->watermark = perf_buffer_size(b) / 2;
    b->page->capabilities = PERF_CAP_BIT0_IS_DEPRECATED;
    b->page->size = offsetof(struct perf_mmap_page, reserved);
    b->page->data_offset = PAGE_SIZE;
    b->page->data_size = perf_buffer_size(b);
    return b;
}

// Gives the event another buffer (R4). The caller's reference to the buffer goes to the event.
// perf_mutex held.
static void attach(struct perf_event *event, struct perf_buffer *b)
{
    struct perf_buffer *old = __atomic_exchange_n(&event->output->buffer, b, __ATOMIC_ACQ_REL);
    if (!old)
        return;
    smp_wait_for_all();
    put(old);
}

// Counts one more mapping. False if the last one has just gone.
static bool map_again(struct perf_buffer *b)
{
    u32 n = __atomic_load_n(&b->object.refs.n, __ATOMIC_RELAXED);
    while (n && !__atomic_compare_exchange_n(&b->object.refs.n, &n, n + 1, false, __ATOMIC_ACQUIRE,
                                             __ATOMIC_RELAXED))
        ;
    return n;
}

static struct vm_object *map(struct perf_event *event, u64 nr_data, bool writable)
{
    struct perf_buffer *b = event->output->buffer;
    if (b && map_again(b)) {
        if (b->nr_data == nr_data)
            return &b->object;
        if (ref_put(&b->object.refs))
            unmapped(&b->object);
        else
            return ERR_PTR(-EINVAL);
    }
    b = buffer_new(nr_data, &event->attr, writable);
    if (!b)
        return ERR_PTR(-ENOMEM);
    ref_get(&b->users);
    attach(event, b);
    event->output->own = true;
    perf_buffer_update(event);
    return &b->object;
}

struct vm_object *perf_buffer_map(struct perf_event *event, u64 pages, bool writable)
{
    if (event->cpu == -1 && event->attr.inherit)
        return ERR_PTR(-EINVAL);
    u64 nr_data = pages - 1; // 0 or a power of two
    if (!pages || (nr_data & (nr_data - 1)))
        return ERR_PTR(-EINVAL);
    mutex_lock(&perf_mutex);
    struct vm_object *o = map(event, nr_data, writable);
    mutex_unlock(&perf_mutex);
    return o;
}

// ---- ioctls, poll, release ----

static bool is_mapped(const struct perf_buffer *b)
{
    return b && !__atomic_load_n(&b->unmapped, __ATOMIC_ACQUIRE);
}

// True if both events may write to one buffer. All its records must come from one CPU or from one
// task. They must have times of one clock, and one direction.
static bool fits(const struct perf_event *event, const struct perf_event *to)
{
    return event != to && event->cpu == to->cpu && (to->cpu != -1 || event->target == to->target) &&
           perf_same_clock(event, to) && event->attr.write_backward == to->attr.write_backward;
}

int perf_buffer_redirect(struct perf_event *event, struct perf_event *to)
{
    int err = -EINVAL;
    if (to && !fits(event, to))
        return err;
    mutex_lock(&perf_mutex);
    bool busy = event->output->own && is_mapped(event->output->buffer);
    if (!busy && (!to || is_mapped(to->output->buffer))) {
        if (to)
            ref_get(&to->output->buffer->users);
        attach(event, to ? to->output->buffer : NULL);
        event->output->own = false;
        err = 0;
    }
    mutex_unlock(&perf_mutex);
    return err;
}

int perf_buffer_pause(struct perf_event *event, bool pause)
{
    mutex_lock(&perf_mutex);
    struct perf_buffer *b = event->output->buffer;
    bool ok = is_mapped(b) && b->nr_data;
    if (ok)
        __atomic_store_n(&b->paused, pause, __ATOMIC_RELAXED);
    mutex_unlock(&perf_mutex);
    return ok ? 0 : -EINVAL;
}

bool perf_buffer_poll(struct perf_event *event, bool *have)
{
    u64 flags = irq_save(); // R4; poll must not wait for the mutex
    struct perf_buffer *b = __atomic_load_n(&event->output->buffer, __ATOMIC_ACQUIRE);
    *have = is_mapped(b);
    bool ready = *have && __atomic_exchange_n(&b->ready, false, __ATOMIC_ACQ_REL);
    irq_restore(flags);
    return ready;
}

void perf_buffer_update(struct perf_event *event)
{
    struct perf_buffer *b = event->output->buffer;
    if (!b || !event->output->own)
        return;
    struct perf_mmap_page *page = b->page;
    struct perf_times times;
    u64 count = perf_read_locked(event, &times);
    __atomic_fetch_add(&page->lock, 1, __ATOMIC_SEQ_CST);
    page->offset = count;
    page->time_enabled = times.enabled;
    page->time_running = times.running;
    __atomic_fetch_add(&page->lock, 1, __ATOMIC_SEQ_CST);
}

void perf_buffer_detach(struct perf_event *event)
{
    attach(event, NULL);
}

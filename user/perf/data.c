// The file of records that Linux's perf reads: header, ids of the events, attributes, records.
// (tools/perf/Documentation/perf.data-file-format.txt describes it.)
#include "user/perf/perf.h"
#include <errno.h>
#include <stdlib.h>

#define MAGIC "PERFILE2"

struct section {
    uint64_t offset, size;
};

struct file_header {
    char magic[8];
    uint64_t size, attr_size;
    struct section attrs, data, event_types;
    uint64_t features[4]; // none
};

struct file_attr {
    struct perf_event_attr attr;
    struct section ids;
};

// All stays in memory until the end, because the header has the size of the records, and a seek in
// the output may be impossible.
struct data_writer {
    const char *path;
    const struct events *events;
    const uint64_t *ids;
    uint64_t per_event; // of the ids
    uint8_t *records;
    size_t size, room;
    bool failed;
};

static bool complain(const char *path, const char *what)
{
    fprintf(stderr, "perf: %s: %s\n", path, what);
    return false;
}

#define KERNEL_BASE 0xffffffff80000000 // where both kernels have their text ...
#define KERNEL_END  0xffffffffc0000000 // ... and Linux has its modules

// Adds a mapping of the kernel's text, so that its addresses get names.
static void append_kernel(struct data_writer *w)
{
    struct {
        struct perf_event_header header;
        uint32_t pid, tid;
        uint64_t addr, len, offset;
        char name[24];
        struct trailer trailer;
    } r = {
        .header = {PERF_RECORD_MMAP, PERF_RECORD_MISC_KERNEL, sizeof r},
        .pid = (uint32_t)-1,
        .addr = KERNEL_BASE,
        .name = "[kernel.kallsyms]_text",
    };

    symbol_named(symbols_of_kernel(), "_text", &r.addr);
    r.len = KERNEL_END - r.addr;
    r.offset = r.addr;
    data_append(w, &r, sizeof r);
}

struct data_writer *data_create(const char *path, const struct events *events, const uint64_t *ids,
                                int per_event)
{
    struct data_writer *w = calloc(1, sizeof *w);

    if (!w) {
        complain(path, strerror(ENOMEM));
        return NULL;
    }
    w->path = path;
    w->events = events;
    w->ids = ids;
    w->per_event = (uint64_t)per_event;
    append_kernel(w);
    return w;
}

void data_append(struct data_writer *w, const void *records, size_t bytes)
{
    if (w->size + bytes > w->room) {
        size_t room = 2 * (w->size + bytes);
        void *more = realloc(w->records, room);
        if (!more) {
            w->failed = true;
            return;
        }
        w->records = more;
        w->room = room;
    }
    memcpy(w->records + w->size, records, bytes);
    w->size += bytes;
}

static void write_all(const struct data_writer *w, FILE *f)
{
    uint64_t n = (uint64_t)w->events->n, bytes = w->per_event * sizeof *w->ids;
    struct file_header h = {
        .size = sizeof h,
        .attr_size = sizeof(struct file_attr),
        .attrs = {sizeof h + n * bytes, n * sizeof(struct file_attr)},
        .data = {sizeof h + n * (bytes + sizeof(struct file_attr)), w->size},
    };

    memcpy(h.magic, MAGIC, sizeof h.magic);
    fwrite(&h, sizeof h, 1, f);
    fwrite(w->ids, bytes, n, f);
    for (uint64_t i = 0; i < n; i++) {
        struct file_attr a = {w->events->list[i].attr, {sizeof h + i * bytes, bytes}};
        fwrite(&a, sizeof a, 1, f);
    }
    fwrite(w->records, 1, w->size, f);
}

static bool write_file(const struct data_writer *w)
{
    FILE *f = fopen(w->path, "w");

    if (!f)
        return complain(w->path, strerror(errno));
    write_all(w, f);
    bool failed = ferror(f);
    return (fclose(f) == 0 && !failed) || complain(w->path, strerror(errno));
}

bool data_finish(struct data_writer *w)
{
    bool ok = w->failed ? complain(w->path, "no memory for all records") : write_file(w);

    free(w->records);
    free(w);
    return ok;
}

// ---- reading: no number in the file is trusted ----

static void *read_part(FILE *f, const struct section *s)
{
    void *part = s->size < SIZE_MAX / 2 ? malloc(s->size + 1) : NULL;

    if (part &&
        (fseek(f, (long)s->offset, SEEK_SET) != 0 || fread(part, 1, s->size, f) != s->size)) {
        free(part);
        part = NULL;
    }
    return part;
}

static bool read_ids(struct data_file *d, FILE *f, const struct section *s, int event)
{
    size_t n = s->size / sizeof(uint64_t);
    uint64_t *ids = read_part(f, s);
    void *more = ids ? realloc(d->ids, (d->nr_ids + n + 1) * sizeof *d->ids) : NULL;

    if (more) {
        d->ids = more;
        for (size_t i = 0; i < n; i++, d->nr_ids++) {
            d->ids[d->nr_ids].id = ids[i];
            d->ids[d->nr_ids].event = event;
        }
    }
    free(ids);
    return more;
}

static bool read_events(struct data_file *d, FILE *f, const struct file_header *h)
{
    struct file_attr *attrs = read_part(f, &h->attrs);
    bool ok = attrs && h->attr_size == sizeof *attrs && h->attrs.size / sizeof *attrs <= MAX_EVENTS;

    d->events.n = ok ? (int)(h->attrs.size / sizeof *attrs) : 0;
    for (int i = 0; ok && i < d->events.n; i++) {
        struct event *e = &d->events.list[i];
        e->attr = attrs[i].attr;
        event_name(&e->attr, e->name);
        ok = read_ids(d, f, &attrs[i].ids, i);
    }
    free(attrs);
    return ok;
}

bool data_read(struct data_file *d, const char *path)
{
    struct file_header h;
    FILE *f = fopen(path, "r");
    bool ok;

    memset(d, 0, sizeof *d);
    if (!f)
        return complain(path, strerror(errno));
    ok = fread(&h, sizeof h, 1, f) == 1 && memcmp(h.magic, MAGIC, sizeof h.magic) == 0 &&
         read_events(d, f, &h) && (d->records = read_part(f, &h.data));
    fclose(f);
    d->size = h.data.size;
    return ok || complain(path, "not a whole file of this program's records");
}

int data_event(const struct data_file *d, uint64_t id)
{
    for (size_t i = 0; i < d->nr_ids; i++)
        if (d->ids[i].id == id)
            return d->ids[i].event;
    return -1;
}

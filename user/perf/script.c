// perf script: prints the samples of a file, in the order in which they happened.
#include "user/perf/perf.h"
#include <stdlib.h>

// The mappings and names from the records so far.
struct mapping {
    struct mapping *next;
    uint32_t pid;
    uint64_t addr, len;
    char *path;
};

struct name {
    struct name *next;
    uint32_t tid;
    char *comm;
};

static struct mapping *mappings; // the latest first
static struct name *names;
static const char *root = "";

struct record {
    uint64_t time;
    const struct perf_event_header *header;
};

// The parts of a sample (SAMPLE_PARTS), after its header.
struct sample {
    uint64_t id, ip;
    uint32_t pid, tid;
    uint64_t time, addr;
    uint32_t cpu, unused;
    uint64_t nr, chain[];
};

static void *checked(void *memory)
{
    if (!memory) {
        fprintf(stderr, "perf: no memory\n");
        exit(1);
    }
    return memory;
}

// ---- who and where ----

static void set_name(uint32_t tid, const char *comm)
{
    struct name *n = checked(malloc(sizeof *n));

    *n = (struct name){names, tid, checked(strdup(comm))};
    names = n;
}

static const char *name_of(uint32_t tid)
{
    for (const struct name *n = names; n; n = n->next)
        if (n->tid == tid)
            return n->comm;
    return "?";
}

static void set_mapping(uint32_t pid, uint64_t addr, uint64_t len, const char *path)
{
    struct mapping *m = checked(malloc(sizeof *m));

    *m = (struct mapping){mappings, pid, addr, len, checked(strdup(path))};
    mappings = m;
}

// A process that executes begins without mappings, and a child with its parent's mappings.
static void forget_mappings(uint32_t pid)
{
    for (struct mapping *m = mappings; m; m = m->next)
        if (m->pid == pid)
            m->len = 0;
}

static void copy_mappings(uint32_t pid, uint32_t parent)
{
    for (struct mapping *m = mappings; m; m = m->next)
        if (m->pid == parent && m->len)
            set_mapping(pid, m->addr, m->len, m->path);
}

static void show_address(uint32_t pid, uint64_t addr)
{
    const char *path = "[unknown]", *name = NULL;
    char file[4096];
    uint64_t offset;

    if (addr >> 63) {
        path = "[kernel]";
        name = symbol_at(symbols_of_kernel(), addr, &offset);
    }
    for (const struct mapping *m = mappings; m; m = m->next) {
        if (m->pid == pid && addr - m->addr < m->len) {
            path = m->path;
            snprintf(file, sizeof file, "%s%s", root, path);
            name = symbol_at(symbols_of_file(file), addr, &offset);
            break;
        }
    }
    printf("%16llx ", (unsigned long long)addr);
    if (name)
        printf("%s+0x%llx", name, (unsigned long long)offset);
    else
        printf("[unknown]");
    printf(" (%s)\n", path);
}

// ---- records ----

static void show_sample(const struct data_file *f, const struct perf_event_header *h)
{
    const struct sample *s = (const void *)(h + 1);
    int event = data_event(f, s->id);
    size_t room = (h->size - sizeof *h - offsetof(struct sample, chain)) / sizeof *s->chain;

    if (event < 0)
        return;
    const struct perf_event_attr *a = &f->events.list[event].attr;
    printf("%15s %5u [%03u] %6llu.%06llu: %10llu %s:", name_of(s->tid), s->tid, s->cpu,
           (unsigned long long)(s->time / 1000000000),
           (unsigned long long)(s->time / 1000 % 1000000), (unsigned long long)a->sample_period,
           f->events.list[event].name);
    if (a->type == PERF_TYPE_BREAKPOINT)
        printf(" %llx", (unsigned long long)s->addr);
    if (!(a->sample_type & PERF_SAMPLE_CALLCHAIN)) {
        show_address(s->pid, s->ip);
        return;
    }
    printf("\n");
    for (uint64_t i = 0; i < s->nr && i < room; i++)
        if (s->chain[i] < (uint64_t)PERF_CONTEXT_MAX)
            show_address(s->pid, s->chain[i]);
    printf("\n");
}

static void process(const struct data_file *f, const struct perf_event_header *h)
{
    const uint32_t *ids = (const void *)(h + 1); // pid, then tid or the parent's pid
    const uint64_t *words = (const void *)(h + 1);

    switch (h->type) {
    case PERF_RECORD_COMM:
        if (h->misc & PERF_RECORD_MISC_COMM_EXEC)
            forget_mappings(ids[0]);
        set_name(ids[1], (const char *)(words + 1));
        break;
    case PERF_RECORD_FORK: // pid, ppid, tid, ptid
        set_name(ids[2], name_of(ids[3]));
        if (ids[0] != ids[1])
            copy_mappings(ids[0], ids[1]);
        break;
    case PERF_RECORD_MMAP2: // ids, address, length, offset, device, inode, generation, protection
        set_mapping(ids[0], words[1], words[2], (const char *)(words + 8));
        break;
    case PERF_RECORD_LOST: // id, number
        printf("%llu records lost\n", (unsigned long long)words[1]);
        break;
    case PERF_RECORD_SAMPLE:
        show_sample(f, h);
        break;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->header < y->header ? -1 : x->header > y->header;
}

// Sorts the records by time. Within a buffer they are in order already.
static struct record *sort_records(const struct data_file *f, size_t *n)
{
    struct record *list =
        checked(malloc((f->size / sizeof(struct perf_event_header) + 1) * sizeof *list));
    const uint8_t *at = f->records, *end = at + f->size;

    for (*n = 0; (size_t)(end - at) >= sizeof(struct perf_event_header); (*n)++) {
        const struct perf_event_header *h = (const void *)at;
        size_t least = sizeof *h + (h->type == PERF_RECORD_SAMPLE ? offsetof(struct sample, nr)
                                                                  : sizeof(struct trailer));
        if (h->size < least || h->size > end - at || h->size % sizeof(uint64_t)) {
            fprintf(stderr, "perf: a broken record at byte %td\n", at - f->records);
            break;
        }
        const struct trailer *t = (const void *)(at + h->size - sizeof *t);
        list[*n].header = h;
        list[*n].time =
            h->type == PERF_RECORD_SAMPLE ? ((const struct sample *)(h + 1))->time : t->time;
        at += h->size;
    }
    qsort(list, *n, sizeof *list, by_time);
    return list;
}

int cmd_script(int argc, char **argv)
{
    static struct data_file f;
    const char *path = DATA_FILE;
    size_t n;
    int option;

    while ((option = getopt(argc, argv, "i:s:")) != -1) {
        if (option == 'i')
            path = optarg;
        else if (option == 's')
            root = optarg;
        else
            return USAGE;
    }
    if (optind != argc)
        return USAGE;
    if (!data_read(&f, path))
        return 1;
    struct record *list = sort_records(&f, &n);
    for (size_t i = 0; i < n; i++)
        process(&f, list[i].header);
    free(list);
    return 0;
}

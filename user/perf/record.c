// perf record: records every overflow of the events while a program and its children run.
//
// An event that children inherit must be bound to a CPU to have a buffer. So each event is opened
// once for each CPU. All events of one CPU share the buffer of the first.
#include "user/perf/perf.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MAX_CPUS 64
#define PAGE     4096ul
#define POLL_MS  100

struct recording {
    struct events events;
    const char *file;
    unsigned pages; // of each buffer
    int nr_cpus;
    int fd[MAX_EVENTS][MAX_CPUS]; // the second index counts only existing CPUs
    struct perf_event_mmap_page *buffer[MAX_CPUS];
    uint64_t ids[MAX_EVENTS * MAX_CPUS];
    unsigned long bytes, samples, lost;
};

// ---- opening ----

static bool complain(const char *what)
{
    fprintf(stderr, "perf: %s: %s\n", what, strerror(errno));
    return false;
}

// Chooses what all events record. The first event also records tasks.
static void choose_records(struct recording *r, uint64_t period, bool chains)
{
    for (int i = 0; i < r->events.n; i++) {
        struct perf_event_attr *a = &r->events.list[i].attr;
        if (period)
            a->sample_period = period;
        a->sample_type = SAMPLE_PARTS | (chains ? PERF_SAMPLE_CALLCHAIN : 0);
        a->read_format = PERF_FORMAT_LOST;
        a->disabled = a->enable_on_exec = a->inherit = a->sample_id_all = 1;
        if (i == 0)
            a->comm = a->comm_exec = a->task = a->mmap = a->mmap2 = 1;
    }
}

static bool map_buffer(struct recording *r, int cpu)
{
    void *buffer =
        mmap(NULL, (1 + r->pages) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd[0][cpu], 0);

    r->buffer[cpu] = buffer;
    return buffer != MAP_FAILED || complain("mapping a buffer");
}

// Opens all events on one CPU. Returns false with errno ENODEV or EINVAL if there is no such CPU.
static bool open_on_cpu(struct recording *r, pid_t pid, int cpu)
{
    for (int i = 0; i < r->events.n; i++)
        if ((r->fd[i][r->nr_cpus] = bp_open_attr(&r->events.list[i].attr, pid, cpu)) < 0)
            return (i == 0 && r->nr_cpus && (errno == ENODEV || errno == EINVAL)) ||
                   complain(r->events.list[i].name);
    r->nr_cpus++;
    return map_buffer(r, r->nr_cpus - 1);
}

static bool open_all(struct recording *r, pid_t pid)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);

    for (int cpu = 0; cpu < cpus && cpu < MAX_CPUS; cpu++)
        if (!open_on_cpu(r, pid, cpu))
            return false;
    for (int i = 1; i < r->events.n; i++)
        for (int c = 0; c < r->nr_cpus; c++)
            if (ioctl(r->fd[i][c], PERF_EVENT_IOC_SET_OUTPUT, r->fd[0][c]) != 0)
                return complain("sharing a buffer");
    return true;
}

static struct data_writer *create_file(struct recording *r)
{
    uint64_t *id = r->ids;

    for (int i = 0; i < r->events.n; i++) {
        for (int c = 0; c < r->nr_cpus; c++) {
            if (ioctl(r->fd[i][c], PERF_EVENT_IOC_ID, id++) != 0) {
                complain("an event's id");
                return NULL;
            }
        }
    }
    return data_create(r->file, &r->events, r->ids, r->nr_cpus);
}

// ---- records ----

// `at` has only complete records.
static void count_samples(struct recording *r, const uint8_t *at, size_t bytes)
{
    for (const uint8_t *end = at + bytes; at < end;) {
        const struct perf_event_header *h = (const void *)at;
        r->samples += h->type == PERF_RECORD_SAMPLE;
        at += h->size;
    }
}

// Also counts records that were lost at the end, for which no LOST record exists.
static void count_lost(struct recording *r)
{
    struct {
        uint64_t count, lost;
    } now;

    for (int i = 0; i < r->events.n; i++)
        for (int c = 0; c < r->nr_cpus; c++)
            if (read(r->fd[i][c], &now, sizeof now) == sizeof now)
                r->lost += now.lost;
}

// Takes the records out of a buffer. The last one may continue at the start of the buffer.
static void drain(struct recording *r, int c, struct data_writer *w, uint8_t *copy)
{
    struct perf_event_mmap_page *page = r->buffer[c];
    const uint8_t *data = (const uint8_t *)page + PAGE;
    uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE), tail = page->data_tail;
    size_t size = r->pages * PAGE, bytes = head - tail, from = tail % size;
    size_t first = bytes < size - from ? bytes : size - from;

    memcpy(copy, data + from, first);
    memcpy(copy + first, data, bytes - first);
    __atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
    count_samples(r, copy, bytes);
    data_append(w, copy, bytes);
    r->bytes += bytes;
}

// Reads the buffers until the program has ended. Returns its status.
static int gather(struct recording *r, pid_t pid, struct data_writer *w, uint8_t *copy)
{
    struct pollfd polls[MAX_CPUS];
    int status;
    pid_t ended;

    do {
        ended = waitpid(pid, &status, WNOHANG); // first, so that its last records are drained, too
        for (int c = 0; c < r->nr_cpus; c++) {
            polls[c] = (struct pollfd){.fd = r->fd[0][c], .events = POLLIN};
            drain(r, c, w, copy);
        }
        if (!ended)
            poll(polls, (nfds_t)r->nr_cpus, POLL_MS);
    } while (!ended);
    return status;
}

// ---- the command ----

static int record(struct recording *r, struct child *child)
{
    uint8_t *copy = malloc(r->pages * PAGE);
    struct data_writer *w = NULL;

    if (!copy || !open_all(r, child->pid) || !(w = create_file(r)))
        return child_abandon(child);
    child_go(child);
    int status = gather(r, child->pid, w, copy);
    count_lost(r);
    free(copy);
    if (!data_finish(w))
        return 1;
    fprintf(stderr, "[ perf record: %lu samples, %lu records lost, %lu bytes to %s ]\n", r->samples,
            r->lost, r->bytes, r->file);
    return exit_status(status);
}

int cmd_record(int argc, char **argv)
{
    static struct recording r = {.file = DATA_FILE, .pages = 32};
    char *options[MAX_EVENTS], *path;
    uint64_t period = 0;
    bool chains = false;
    struct child child;
    int n = 0, option;

    while ((option = getopt(argc, argv, "+e:c:gm:o:")) != -1) {
        if (option == 'e' && n < MAX_EVENTS)
            options[n++] = optarg;
        else if (option == 'c' && strtoull(optarg, NULL, 0))
            period = strtoull(optarg, NULL, 0);
        else if (option == 'g')
            chains = true;
        else if (option == 'm')
            r.pages = (unsigned)strtoul(optarg, NULL, 0);
        else if (option == 'o')
            r.file = optarg;
        else
            return USAGE;
    }
    if (!n)
        options[n++] = "cpu-clock";
    if (optind == argc || !r.pages || (r.pages & (r.pages - 1)))
        return USAGE;
    if (!(path = find_program(argv[optind])) || !events_parse(&r.events, options, n, path))
        return 1;
    choose_records(&r, period, chains);
    return child_start(&child, path, argv + optind) ? record(&r, &child) : 1;
}

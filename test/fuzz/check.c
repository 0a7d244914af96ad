// Checks that all that a round took has come back.
#define _GNU_SOURCE
#include "test/fuzz/fuzz.h"
#include "user/clock.h"
#include "user/proc.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

// Tasks and their stacks are freed shortly after their end. Memory in caches does not count.
#define PATIENCE_MS        5000
#define MEMORY_PATIENCE_MS 300

struct state {
    long heap_kb, free_kb, processes, live, next_fd;
};

static struct state start;
static char slots_before[16384], slots_now[16384];

static long number_after(const char *path, const char *key)
{
    static char text[4096];

    if (read_text(path, text, sizeof text) < 0)
        return -1;
    const char *at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static long count_processes(void)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    long n = 0;

    while (d && (e = readdir(d)))
        n += isdigit((unsigned char)e->d_name[0]) != 0;
    if (d)
        closedir(d);
    return n;
}

const char *who_is_left(void)
{
    static char text[400];
    DIR *d = opendir("/proc");
    struct dirent *e;
    size_t used = 0;

    while (d && (e = readdir(d)) && used < sizeof text - 100) {
        char path[64], status[512];
        snprintf(path, sizeof path, "/proc/%.16s/status", e->d_name);
        if (!isdigit((unsigned char)*e->d_name) || read_text(path, status, sizeof status) < 0)
            continue;
        const char *state = strstr(status, "State:"), *threads = strstr(status, "Threads:");
        if (state && threads && strstr(status, "Name:\tfuzz"))
            used += (size_t)snprintf(text + used, sizeof text - used, " %.8s %c with %ld threads;",
                                     e->d_name, state[7], strtol(threads + 8, NULL, 10));
    }
    if (d)
        closedir(d);
    return text;
}

// The lines of /proc/hwbp that show the taken slots. The lines after them show refusals.
static void read_slots(char *text, size_t size)
{
    ssize_t n = read_text(HWBP_FILE, text, size);
    char *slots = n > 0 ? strstr(text, "\nslots ") : NULL;
    char *refused = slots ? strstr(slots, "\nrefused ") : NULL;

    if (refused)
        refused[1] = '\0';
    memmove(text, slots ? slots : "", slots ? strlen(slots) + 1 : 1);
}

static struct state look(void)
{
    struct state s = {.processes = count_processes(), .live = hwbp_sum("hwbp", "live")};
    int fd = open("/dev/null", O_RDONLY);

    s.next_fd = fd;
    close(fd);
    s.heap_kb = number_after("/proc/meminfo", "KernelHeap:");
    s.free_kb = number_after("/proc/meminfo", "MemFree:");
    read_slots(slots_now, sizeof slots_now);
    return s;
}

void check_begin(void)
{
    start = look();
    memcpy(slots_before, slots_now, sizeof slots_before);
}

static const char *missing(const struct state *now, bool memory)
{
    if (now->processes > start.processes)
        return "processes";
    if (now->live != start.live)
        return "live breakpoints";
    if (strcmp(slots_before, slots_now))
        return "breakpoint slots";
    if (now->next_fd != start.next_fd)
        return "descriptors of the runner";
    if (memory && (now->heap_kb > start.heap_kb || now->free_kb < start.free_kb))
        return "memory";
    return NULL;
}

const char *check_end(bool memory)
{
    static char text[256];
    const char *what = NULL;
    struct state now;

    for (int ms = 0;; ms += 10) {
        now = look();
        what = missing(&now, memory);
        if (!what)
            return NULL;
        if (ms >= (strcmp(what, "memory") ? PATIENCE_MS : MEMORY_PATIENCE_MS))
            break;
        sleep_ms(10);
    }
    snprintf(text, sizeof text,
             "%s: before, after: processes %ld %ld, live %ld %ld, heap %ld %ld kB, free %ld %ld kB",
             what, start.processes, now.processes, start.live, now.live, start.heap_kb, now.heap_kb,
             start.free_kb, now.free_kb);
    return text;
}

// ---- cleaning up ----

static void remove_below(int dir)
{
    DIR *d = fdopendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (unlinkat(dir, e->d_name, 0) == 0)
            continue;
        int below = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY);
        if (below >= 0)
            remove_below(below);
        unlinkat(dir, e->d_name, AT_REMOVEDIR);
    }
    if (d)
        closedir(d);
}

void clean_up(void)
{
    char path[64];

    remove_below(open("/tmp", O_RDONLY | O_DIRECTORY));
    for (int cpu = 1; cpu < 64; cpu++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
        if (write_text(path, "1") && errno == ENOENT)
            break;
    }
    write_text("/sys/kernel/debug/tracing/ksym_trace_filter", "0");
    write_text("/sys/kernel/debug/tracing/trace", "0");
    write_text("/proc/sys/kernel/perf_event_max_sample_rate", "100000");
    write_text(RULES_FILE, "2009");
}

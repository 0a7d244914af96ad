// The engine of the tests that let memory run out. The place of each failure goes to /dev/host,
// which `make oom` connects.
#include "test/user/oom.h"

#define FAIL_FILE "/proc/sys/kernel/fail_nth"
#define ROUNDS    10 // caches grow in the first rounds

static int fail_fd = -1, host_fd = -1, failures;
static char before[16384], now[16384];

// The slots of every CPU, which a failed call must not change.
static void read_slots(char *text, size_t size)
{
    char *slots;

    REQUIRE(read_text(HWBP_FILE, text, size) > 0);
    slots = strstr(text, "\nslots ");
    REQUIRE(slots);
    memmove(text, slots, strlen(slots) + 1);
}

long oom_number(const char *path, const char *key)
{
    static char text[4096];

    REQUIRE(read_text(path, text, sizeof text) > 0);
    const char *at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

void oom_fail_nth(int n)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", n);

    REQUIRE(write(fail_fd, text, (size_t)len) == len);
}

bool oom_has_failed(void)
{
    char text[512];

    REQUIRE(read_text(FAIL_FILE, text, sizeof text) > 0);
    const char *callers = strstr(text, "callers");
    bool failed = strtol(text, NULL, 10) == 0;
    if (failed && callers && host_fd >= 0)
        REQUIRE(write(host_fd, callers, strlen(callers)) == (ssize_t)strlen(callers));
    return failed;
}

void oom_add(int more)
{
    failures += more;
}

void oom_nothing(long)
{
}

void oom_close(long fd)
{
    close((int)fd);
}

// After an unexpected result the process ends, because the next operation might wait for ever.
static void must(bool good, const char *what, int n, const char *fault)
{
    if (good)
        return;
    utest_fail(__FILE__, __LINE__, "%s, allocation %d: %s", what, n, fault);
    _exit(1);
}

// True if allocation number n was made, and so failed.
static bool attempt_once(const char *what, int n, long (*attempt)(void), void (*undo)(long),
                         int want)
{
    read_slots(before, sizeof before);
    long live = hwbp_sum("hwbp", "live");
    oom_fail_nth(n);
    errno = 0;
    long got = attempt();
    int err = errno;
    bool failed = oom_has_failed();
    if (got >= 0) {
        must(!failed || (want & OOM_OR_NOT), what, n, "succeeds although it failed");
        undo(got);
        return failed;
    }
    must(failed && err == (want & ~OOM_OR_NOT), what, n, strerror(err));
    read_slots(now, sizeof now);
    must(strcmp(before, now) == 0 && hwbp_sum("hwbp", "live") == live, what, n, "slots are lost");
    return true;
}

void oom_each(const char *what, long (*attempt)(void), void (*undo)(long), int want)
{
    int n = 1;

    while (n < OOM_TOO_MANY && attempt_once(what, n, attempt, undo, want))
        n++;
    must(n < OOM_TOO_MANY, what, n, "never succeeds");
    must(n > 1, what, n, "makes no allocation");
    failures += n - 1;
}

// ---- memory that comes back ----

struct memory {
    long heap, pages;
};

static struct memory memory_in_use(void)
{
    return (struct memory){oom_number("/proc/meminfo", "KernelHeap:"),
                           -oom_number("/proc/meminfo", "MemFree:")};
}

// True if no more memory is in use than `last` says. It waits a little, because a task's memory
// comes back only after its end. `last` becomes what is in use now.
static bool comes_back(struct memory *last)
{
    struct memory now;

    for (int tries = 0; tries < 100; tries++) {
        sleep_ms(5);
        now = memory_in_use();
        if (now.heap <= last->heap && now.pages <= last->pages)
            return true;
    }
    *last = now;
    return false;
}

// Brings in the pages of the program's code and constants. For a string in a missing page, a call
// needs one more allocation, whose failure is EFAULT.
static void touch_program(void)
{
    extern const char __executable_start[], edata[]; // from the linker

    for (const volatile char *p = __executable_start; p < edata; p += 4096)
        (void)*p;
}

void oom_rounds(void (*round)(void))
{
    struct memory last = {0};
    int rounds = 0;

    fail_fd = open(FAIL_FILE, O_WRONLY);
    if (fail_fd < 0)
        utest_skip("needs " FAIL_FILE ", which debug builds of dr7 have");
    host_fd = open("/dev/host", O_WRONLY);
    touch_program();
    do {
        round();
        rounds++;
    } while (!utest_failures() && !comes_back(&last) && rounds < ROUNDS);
    CHECK(rounds < ROUNDS); // otherwise each round loses memory
    utest_note("%d allocations failed", failures);
    close(fail_fd);
    if (host_fd >= 0)
        close(host_fd);
}

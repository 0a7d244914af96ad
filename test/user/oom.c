// The engine of the tests of memory that runs out. `make oom` connects /dev/host: where each
// failure was goes there.
#include "test/user/oom.h"

#define FAIL_FILE "/proc/sys/kernel/fail_nth"
#define ROUNDS    10 // caches grow in some of them, and are full in the end

static int fail_fd = -1, host_fd = -1, failures;
static char before[16384], now[16384];

// What a failed call must leave alone: the slots of every CPU.
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

// Whatever comes after an operation that was not as expected would make no sense, and might wait
// for ever.
static void must(bool good, const char *what, int n, const char *fault)
{
    if (good)
        return;
    utest_fail(__FILE__, __LINE__, "%s, allocation %d: %s", what, n, fault);
    _exit(1);
}

// Whether allocation number n was one that failed.
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
        must(!failed || (want & OOM_OR_NOT), what, n, "succeeds without it");
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
    must(n > 1, what, n, "there is none");
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

// Whether no more is in use than there was, a little later at the latest: tasks are buried and
// stacks given back after their end. `last` becomes what is in use now.
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

// Brings the program's code and constants in. A string whose page is not there would cost a call an
// allocation of its own, and its failure is EFAULT.
static void touch_program(void)
{
    extern const char __executable_start[], edata[]; // of the linker

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
    CHECK(rounds < ROUNDS); // else memory was lost each time
    utest_note("%d allocations failed", failures);
    close(fail_fd);
    if (host_fd >= 0)
        close(host_fd);
}

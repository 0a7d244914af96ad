// Limits of a process on its address space and its CPU time (getrlimit(2)).
#include "test/user/utest.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define PAGE 4096ul
#define MB   (1ul << 20)

static void set_soft(int which, rlim_t soft)
{
    struct rlimit limit;

    CHECK_EQ(getrlimit(which, &limit), 0);
    limit.rlim_cur = soft;
    CHECK_EQ(setrlimit(which, &limit), 0);
}

static void *map(void *at, size_t len, int prot, int flags)
{
    return mmap(at, len, prot, MAP_ANONYMOUS | flags, -1, 0);
}

UTEST(limits_space, "limits.address-space")
{
    size_t size = (size_t)status_number(getpid(), "VmSize") * 1024;
    void *nowhere = MAP_FAILED;

    set_soft(RLIMIT_AS, size + 2 * MB);
    uint8_t *at = map(NULL, 2 * MB, PROT_READ, MAP_SHARED);
    REQUIRE(at != nowhere);
    CHECK(map(NULL, PAGE, PROT_NONE, MAP_PRIVATE) == nowhere && errno == ENOMEM);
    CHECK(map(NULL, PAGE, PROT_READ, MAP_SHARED) == nowhere && errno == ENOMEM);
    CHECK_ERRNO((long)sbrk(MB), ENOMEM);
    CHECK(map(at, 2 * MB, PROT_READ, MAP_PRIVATE | MAP_FIXED) == at); // replaces the other mapping
    CHECK(map(at + MB, 2 * MB, PROT_READ, MAP_PRIVATE | MAP_FIXED) == nowhere && errno == ENOMEM);
    CHECK_EQ(mprotect(at, PAGE, PROT_READ | PROT_WRITE), 0); // no new memory
    CHECK_EQ(munmap(at, PAGE), 0);
    void *page = map(NULL, PAGE, PROT_READ, MAP_PRIVATE);
    CHECK(page != nowhere);
    CHECK(map(NULL, PAGE, PROT_READ, MAP_PRIVATE) == nowhere && errno == ENOMEM);
    CHECK_EQ(status_number(getpid(), "VmSize"), (long)(size + 2 * MB) / 1024);
    set_soft(RLIMIT_AS, size); // existing mappings stay
    CHECK_EQ(munmap(page, PAGE), 0);
    CHECK(map(NULL, PAGE, PROT_READ, MAP_PRIVATE) == nowhere && errno == ENOMEM);
    set_soft(RLIMIT_AS, RLIM_INFINITY);
    CHECK(map(NULL, 8 * MB, PROT_READ, MAP_PRIVATE) != nowhere);
}

// Shared memory can move, although there is no room for two copies.
UTEST(limits_move, "limits.move")
{
    uint8_t *place = map(NULL, 4 * MB, PROT_NONE, MAP_PRIVATE);
    uint8_t *at = map(NULL, 2 * MB, PROT_READ | PROT_WRITE, MAP_SHARED);

    REQUIRE(place != MAP_FAILED && at != MAP_FAILED && munmap(place, 4 * MB) == 0);
    at[5] = 7;
    set_soft(RLIMIT_AS, (rlim_t)status_number(getpid(), "VmSize") * 1024);
    CHECK(mremap(at, 2 * MB, 2 * MB, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
    CHECK_EQ(place[5], 7);
    CHECK(map(NULL, PAGE, PROT_READ, MAP_PRIVATE) == MAP_FAILED && errno == ENOMEM);
}

UTEST(limits_data, "limits.data")
{
    void *nowhere = MAP_FAILED, *last = NULL, *more;
    int rw = PROT_READ | PROT_WRITE, n = 0;

    set_soft(RLIMIT_DATA, 32 * MB);
    uint8_t *read_only = map(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE);
    for (; n < 40 && (more = map(NULL, MB, rw, MAP_PRIVATE)) != nowhere; n++)
        last = more;
    CHECK_EQ(errno, ENOMEM);
    CHECK(n > 20 && n < 32);
    while (map(NULL, PAGE, rw, MAP_PRIVATE) != nowhere)
        CHECK(++n < 32 + 256);
    CHECK_ERRNO((long)sbrk(MB), ENOMEM);
    CHECK_ERRNO(mprotect(read_only, PAGE, rw), ENOMEM);
    CHECK(map(NULL, MB, PROT_READ, MAP_PRIVATE) != nowhere);
    CHECK(map(NULL, MB, rw, MAP_SHARED) != nowhere);
    CHECK_EQ(mprotect(last, PAGE, PROT_READ), 0); // one page less ...
    CHECK_EQ(mprotect(read_only, PAGE, rw), 0);   // ... and one more
    CHECK_ERRNO(mprotect(read_only + PAGE, PAGE, rw), ENOMEM);
    CHECK_EQ(munmap(last, PAGE), 0); // it did not count as data any more
    CHECK(map(NULL, PAGE, rw, MAP_PRIVATE) == nowhere && errno == ENOMEM);
    CHECK_EQ(munmap((uint8_t *)last + PAGE, PAGE), 0);
    CHECK(map(NULL, PAGE, rw, MAP_PRIVATE) != nowhere);
}

// ---- CPU time ----

struct seen {
    int times;
    rlim_t soft;
    uint64_t ns;
};
static struct seen *seen;

static void over_time(int)
{
    struct timespec used;
    struct rlimit limit;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    getrlimit(RLIMIT_CPU, &limit);
    seen->times++;
    seen->soft = limit.rlim_cur;
    seen->ns = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static void work(void *)
{
    for (;;)
        ;
}

UTEST(limits_cpu, "limits.cpu")
{
    struct rlimit limit = {1, 2};

    seen = shared_memory(sizeof *seen);
    signal(SIGXCPU, over_time);
    CHECK_EQ(setrlimit(RLIMIT_CPU, &limit), 0);
    CHECK_EQ(wait_for(spawn(work, NULL)), SIGKILL); // it inherits the limit, but not the used time
    CHECK_EQ(seen->times, 1);
    CHECK_EQ(seen->soft, 2);
    CHECK(seen->ns >= 1000000000 || !on_dr7()); // Linux counts ticks, which is less exact
    signal(SIGXCPU, SIG_DFL);
    CHECK_EQ(wait_for(spawn(work, NULL)) & 0x7f, SIGXCPU);
}

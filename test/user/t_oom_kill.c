// Memory runs out in a page fault. The kernel ends the process that has most memory, and no other.
#include "test/user/utest.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define KEPT (2ul << 20) // stacks of ended threads, and partly used pages of the heap

static unsigned long free_bytes(void)
{
    struct sysinfo s;

    CHECK_EQ(sysinfo(&s), 0);
    return s.freeram;
}

static void take_all(void *)
{
    char *m = mmap(NULL, 1ul << 40, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    REQUIRE(m != MAP_FAILED);
    for (unsigned long i = 0;; i++)
        m[i * PAGE] = 1;
}

// Takes most of its memory in one long call.
static void read_zeroes(void *)
{
    char *m = mmap(NULL, 1ul << 31, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    REQUIRE(m != MAP_FAILED);
    read(open("/dev/zero", O_RDONLY), m, 1ul << 31);
    CHECK(!"it came to the end");
}

// Keeps no page. It takes page tables, one for each 2 MiB.
static void take_tables(void *)
{
    char *m = mmap(NULL, 1ul << 40, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    REQUIRE(m != MAP_FAILED);
    for (char *at = m;; at += 512 * PAGE) {
        *at = 1;
        CHECK_EQ(madvise(at, PAGE, MADV_DONTNEED), 0);
    }
}

static void *wait_here(void *)
{
    pause();
    return NULL;
}

// Takes memory mostly by events that its threads inherit.
static void take_events(void *)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .inherit = 1};
    unsigned long before = free_bytes();
    pthread_t thread;

    attr.config = PERF_COUNT_SW_DUMMY;
    for (int i = 0; i < 200; i++)
        REQUIRE(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0ul) >= 0);
    while (free_bytes() > before / 4)
        REQUIRE(pthread_create(&thread, NULL, wait_here, NULL) == 0);
    take_all(NULL);
}

// Touches new pages all the time, itself and in children.
static void innocent(void *stop)
{
    while (!*(volatile int *)stop) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            char *m =
                mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            REQUIRE(m != MAP_FAILED);
            for (int i = 0; i < 16; i++)
                m[(unsigned)i * PAGE] = 1;
            _exit(0);
        }
        CHECK_EQ(wait_for(pid), 0);
        sleep_ms(1);
    }
}

static void check_taker(void (*taker)(void *))
{
    static char log[1 << 16];
    char line[64];
    int *stop = shared_memory(sizeof *stop);
    pid_t other = spawn(innocent, stop), pid = spawn(taker, NULL);
    unsigned long before = free_bytes();

    CHECK_EQ(wait_for(pid), SIGKILL);
    *stop = 1;
    CHECK_EQ(wait_for(other), 0);
    for (int ms = 0; ms < 30000 && free_bytes() + KEPT < before; ms++) // freed a moment later
        sleep_ms(1);
    CHECK(free_bytes() + KEPT >= before);
    REQUIRE(read_text("/proc/kmsg", log, sizeof log) > 0);
    snprintf(line, sizeof line, "out of memory: utest[%d] is ended, it had ", pid);
    const char *said = strstr(log, line);
    CHECK(said);
    CHECK(said && strtoul(said + strlen(line), NULL, 10) * 1024 > before / 2);
}

UTEST(oom_largest, "oom-largest")
{
    if (!on_dr7())
        utest_skip("Linux may end other processes, too");
    if (scaled(10) < 10)
        utest_skip("takes minutes here");
    check_taker(take_all);
    check_taker(read_zeroes);
    check_taker(take_tables);
    check_taker(take_events);
}

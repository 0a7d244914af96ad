// All that a process takes comes back when it ends. For each kind of object, as many pages are free
// afterwards as before.
#include "test/user/trace.h"
#include <linux/futex.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PAGE   4096ul
#define ROUNDS 10 // caches grow in the first rounds

struct memory {
    long free_kb, heap_kb;
};

static long number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    REQUIRE(at);
    return strtol(at + strlen(key), NULL, 10);
}

static struct memory memory_now(void)
{
    char text[512];

    REQUIRE(read_text("/proc/meminfo", text, sizeof text) > 0);
    return (struct memory){number_after(text, "MemFree:"), number_after(text, "KernelHeap:")};
}

static char *map(size_t pages, int flags)
{
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED);
    return p;
}

static void take_areas(void)
{
    for (int i = 0; i < 500; i++)
        map(2, i % 2 ? MAP_PRIVATE : MAP_SHARED)[PAGE] = 1;
}

static void take_page_tables(void)
{
    char *p = mmap(NULL, 1ul << 40, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    REQUIRE(p != MAP_FAILED);
    for (int i = 0; i < 100; i++)
        p[(unsigned long)i << 33] = 1;
}

static void take_shared(void)
{
    char *p = map(1000, MAP_SHARED);

    for (int i = 0; i < 1000; i += 50)
        p[(unsigned)i * PAGE] = 1;
    if (fork() == 0)
        p[7 * PAGE] = 1;
}

static void take_pipes(void)
{
    int ends[2];

    while (pipe(ends) == 0)
        CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(errno, EMFILE);
}

static void take_texts(void)
{
    char byte;

    for (int fd; (fd = open("/proc/self/maps", O_RDONLY)) >= 0;)
        CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(errno, EMFILE);
}

// Files with pages that are unlinked from /tmp, but still open.
static void take_files(void)
{
    for (int i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "/tmp/back-%d-%d", (int)getpid(), i);
        int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        REQUIRE(fd >= 0);
        CHECK_EQ(pwrite(fd, name, 1, (i % 60) << 16), 1);
        char *p = mmap(NULL, PAGE, PROT_WRITE, i % 2 ? MAP_SHARED : MAP_PRIVATE, fd, 0);
        REQUIRE(p != MAP_FAILED);
        *p = 1;
        CHECK_EQ(unlink(name), 0);
    }
}

static void take_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < 400; i++) {
        sigqueue(getpid(), SIGRTMAX, (union sigval){.sival_int = i});
        syscall(SYS_tgkill, getpid(), gettid(), SIGRTMAX - 1);
    }
}

static void take_events(void)
{
    static volatile long word;

    for (int i = 0; i < 3; i++)
        bp_open(HW_BREAKPOINT_W, &word, 8); // fails in a kernel without breakpoints
    for (int i = 0; i < 50; i++) {
        struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
                                    .size = sizeof a,
                                    .config = PERF_COUNT_SW_CPU_CLOCK,
                                    .inherit = i % 2,
                                    .sample_period = 1000000};
        int fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
        REQUIRE(fd >= 0);
        if (i % 2 == 0)
            mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fork() == 0) // the child has copies of the inherited events
        _exit(0);
}

static void *wait_at_futex(void *word)
{
    for (;;)
        syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
    return NULL;
}

static void take_threads(void)
{
    static int word;
    pthread_t thread;

    for (int i = 0; i < 50; i++)
        CHECK_EQ(pthread_create(&thread, NULL, wait_at_futex, &word), 0);
}

static void take_processes(void)
{
    for (int i = 0; i < 50; i++)
        if (fork() == 0) {
            if (i % 2)
                sleep_ms(20);
            _exit(0); // no process waits for this child
        }
}

static void take_tracees(void)
{
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            ptrace(PTRACE_TRACEME, 0, NULL, NULL);
            raise(SIGSTOP);
            _exit(0);
        }
        CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
        ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)PTRACE_O_EXITKILL);
        poke_dr(pid, 0, PAGE); // fails in a kernel without breakpoints
    }
}

static void take_timers(void)
{
    struct pollfd none = {.fd = -1};

    alarm(1000);
    for (int i = 0; i < 20; i++)
        if (fork() == 0) {
            poll(&none, 1, i ? 5 : 0);
            _exit(0);
        }
}

static const struct {
    const char *name;
    void (*take)(void);
} kinds[] = {
    {"areas", take_areas},
    {"page tables", take_page_tables},
    {"shared memory", take_shared},
    {"pipes", take_pipes},
    {"generated texts", take_texts},
    {"files in /tmp", take_files},
    {"signals", take_signals},
    {"events and ring buffers", take_events},
    {"threads, futexes", take_threads},
    {"processes", take_processes},
    {"tracees", take_tracees},
    {"timers", take_timers},
};

// Runs take() in its own process, which exits or is killed.
static void run(void (*take)(void), bool killed)
{
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        int before = utest_failures();
        take();
        if (killed)
            kill(getpid(), SIGKILL);
        _exit(utest_failures() > before);
    }
    CHECK_EQ(wait_for(pid), killed ? SIGKILL : 0);
}

// Waits a moment, because threads are freed shortly after their end.
static bool comes_back(const struct memory *before, struct memory *after)
{
    for (int ms = 0; ms < 500; ms++) {
        *after = memory_now();
        if (after->free_kb >= before->free_kb && after->heap_kb <= before->heap_kb)
            return true;
        sleep_ms(1);
    }
    return false;
}

UTEST(comes_back, "comes-back")
{
    if (!on_dr7())
        utest_skip("on Linux other programs use memory at the same time");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct memory before, after;
        bool back = false;
        for (int round = 0; round < ROUNDS && !back; round++) {
            before = memory_now();
            run(kinds[i].take, round % 2);
            back = comes_back(&before, &after);
        }
        if (!back)
            utest_fail(__FILE__, __LINE__, "%s: free %ld kB, was %ld; heap %ld kB, was %ld",
                       kinds[i].name, after.free_kb, before.free_kb, after.heap_kb, before.heap_kb);
    }
}

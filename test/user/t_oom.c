// Memory that runs out: every allocation inside a system call fails once. The call says ENOMEM, and
// everything is as if it had never been made.
#include "test/user/bp_test.h"
#include "user/guest.h"
#include <sched.h>
#include <sys/mman.h>

#define FAIL_FILE "/proc/sys/kernel/fail_nth" // debug builds of dr7
#define TOO_MANY  1000

static volatile uint64_t word[4];
static int fail_fd, failures;
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

static long number_in(const char *path, const char *key)
{
    static char text[4096];

    REQUIRE(read_text(path, text, sizeof text) > 0);
    const char *at = strstr(text, key);
    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static void fail_nth(int n)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", n);

    REQUIRE(write(fail_fd, text, (size_t)len) == len);
}

// Calls attempt() with its first allocation failing, then its second, until none fails: it returns
// >= 0 or what errno says, and undo() takes back what succeeded.
static void fail_each(const char *what, long (*attempt)(void), void (*undo)(long))
{
    for (int n = 1; n < TOO_MANY; n++) {
        read_slots(before, sizeof before);
        long live = hwbp_sum("hwbp", "live");
        fail_nth(n);
        errno = 0;
        long got = attempt();
        int err = errno;
        bool failed = number_in(FAIL_FILE, "") == 0;
        if (got >= 0) {
            if (failed)
                utest_fail(__FILE__, __LINE__, "%s succeeds without its allocation %d", what, n);
            undo(got);
            failures += n - 1;
            return;
        }
        if (err != ENOMEM || !failed)
            utest_fail(__FILE__, __LINE__, "%s, allocation %d: errno %d (%s)", what, n, err,
                       strerror(err));
        read_slots(now, sizeof now);
        CHECK_EQ(strcmp(before, now), 0);
        CHECK_EQ(hwbp_sum("hwbp", "live"), live);
    }
    utest_fail(__FILE__, __LINE__, "%s never succeeds", what);
}

// ---- open ----

static pid_t target;
static int group_leader;

static long open_self(void)
{
    return bp_open(HW_BREAKPOINT_W, &word[0], 8);
}

static long open_other(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[0], 8);

    return bp_open_attr(&attr, target, -1);
}

static long open_sibling(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[1], 8);

    attr.pinned = 0;
    return syscall(SYS_perf_event_open, &attr, 0, -1, group_leader, 0ul);
}

static long open_soft(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};

    attr.config = PERF_COUNT_SW_DUMMY;
    return bp_open_attr(&attr, target, -1);
}

static void close_it(long fd)
{
    close((int)fd);
}

static long open_file(void)
{
    return open(HWBP_FILE, O_RDONLY);
}

static long open_guest(void)
{
    return open(GUEST_FILE, O_RDWR);
}

static int ends[2];

static long open_pipe(void)
{
    ends[0] = ends[1] = -1; // their page is there
    return syscall(SYS_pipe2, ends, 0);
}

static void close_pipe(long)
{
    close(ends[0]), close(ends[1]);
}

static void wait_forever(void *arg)
{
    gate_wait(arg);
}

static void test_open(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[2], 8);
    struct gate gate;
    int guest = open(GUEST_FILE, O_RDWR);

    fail_each("open of a file", open_file, close_it);
    if (guest >= 0) { // only where guests can run
        close(guest);
        fail_each("open of a guest", open_guest, close_it);
    }
    fail_each("pipe", open_pipe, close_pipe);
    fail_each("open of the first event", open_self, close_it);
    fail_each("open of another", open_self, close_it);
    attr.pinned = 0;
    REQUIRE((group_leader = bp_open_attr(&attr, 0, -1)) >= 0);
    fail_each("open of a sibling", open_sibling, close_it);
    close(group_leader);
    gate_init(&gate);
    for (int i = 0; i < 2; i++) {
        target = spawn(wait_forever, &gate);
        fail_each(i ? "open of a task's software event" : "open for another task",
                  i ? open_soft : open_other, close_it);
        gate_open(&gate);
        join(target);
    }
    close(gate.fd[0]), close(gate.fd[1]);
}

// ---- fork ----

static long raw_fork(void)
{
    long pid = syscall(SYS_fork); // the library's would make other calls first

    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return pid;
}

static void reap(long pid)
{
    join((pid_t)pid);
}

static void test_fork(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word[0], 8);
    int fd[4];

    fail_each("fork", raw_fork, reap);
    attr.inherit = 1;
    attr.pinned = 0;
    for (int i = 0; i < 4; i++) { // a group of three, and a pinned one
        attr.pinned = i == 3;
        fd[i] = (int)syscall(SYS_perf_event_open, &attr, 0, -1, i % 3 ? fd[0] : -1, 0ul);
        REQUIRE(fd[i] >= 0);
    }
    fail_each("fork with four inherited events", raw_fork, reap);
    store8(&word[0], 1);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(bp_end(fd[i]), 1);
}

// ---- exec: whoever fails is still there to try again ----

static void exec_until_it_works(void *)
{
    char number[12];

    int fd = bp_must(HW_BREAKPOINT_W, &word[0], 8);
    for (int n = 1; n < TOO_MANY; n++) {
        char *argv[] = {(char *)utest_self, EXEC_MARK, "exit", number, NULL}, *env[] = {NULL};
        snprintf(number, sizeof number, "%d", n % 256);
        store8(&word[0], 1);
        fail_nth(n);
        syscall(SYS_execve, "/bin/utest", argv, env);
        CHECK_EQ(errno, ENOMEM);
        CHECK_EQ(number_in(FAIL_FILE, ""), 0);
        CHECK_EQ(bp_read(fd), n); // its breakpoint counts on
        if (utest_failures())
            return;
    }
}

static void test_exec(void)
{
    int status = wait_for(spawn(exec_until_it_works, NULL));

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) > 3); // the number that it took
    failures += WEXITSTATUS(status) - 1;
}

// ---- mmap and its relatives ----

#define LENGTH (16ul * 4096)
static char *area;

static long check_pointer(void *p)
{
    return p == MAP_FAILED ? -1 : (long)p;
}

static long map_some(void)
{
    return check_pointer(
        mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static long map_shared(void)
{
    return check_pointer(
        mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void unmap(long addr)
{
    CHECK_EQ(munmap((void *)addr, LENGTH), 0);
}

static long protect_middle(void)
{
    return mprotect(area + LENGTH / 2, 4096, PROT_READ);
}

static long unmap_middle(void)
{
    return munmap(area + LENGTH / 4, 4096);
}

// One page of shared memory to where nothing is, and nothing must be when it fails.
static long move_middle(void)
{
    char *to = area + LENGTH;
    long got =
        check_pointer(mremap(area + LENGTH / 4, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to));
    int err = errno;

    if (got < 0)
        CHECK_ERRNO(mprotect(to, 4096, PROT_READ), ENOMEM);
    errno = err;
    return got;
}

static void nothing(long)
{
}

static void test_mmap(void)
{
    fail_each("mmap", map_some, unmap);
    fail_each("mmap of shared memory", map_shared, unmap);
    area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED);
    memset(area, 7, LENGTH);
    fail_each("mprotect", protect_middle, nothing);
    fail_each("munmap", unmap_middle, nothing);
    for (size_t at = 0; at < LENGTH; at += 4096)
        if (at != LENGTH / 4)
            CHECK_EQ(area[at], 7);
    CHECK_EQ(munmap(area, LENGTH), 0);

    area = mmap(NULL, LENGTH + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED && munmap(area + LENGTH, 4096) == 0);
    fail_each("mremap", move_middle, nothing);
    CHECK_EQ(munmap(area, LENGTH + 4096), 0);
}

struct memory {
    long heap, pages;
};

static struct memory memory_in_use(void)
{
    return (struct memory){number_in("/proc/meminfo", "KernelHeap:"),
                           -number_in("/proc/meminfo", "MemFree:")};
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

// Caches grow in some rounds, and are full in the end; what is lost is lost in each of them.
UTEST_TYPE(oom, "oom")
{
    struct memory last = {0};
    int rounds = 0;

    fail_fd = open(FAIL_FILE, O_WRONLY);
    if (fail_fd < 0)
        utest_skip("needs " FAIL_FILE ", which debug builds of dr7 have");
    do {
        test_open();
        test_fork();
        test_exec();
        test_mmap();
        rounds++;
    } while (!comes_back(&last) && rounds < 10);
    CHECK(rounds < 10); // else memory was lost each time
    utest_note("%d allocations failed", failures);
    close(fail_fd);
}

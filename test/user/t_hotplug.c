// A program takes CPUs offline and brings them back, through the same files as on Linux.
#include "test/user/bp_test.h"
#include <fcntl.h>
#include <sched.h>

#define CPU_DIR "/sys/devices/system/cpu/"

static volatile uint64_t v;
static int victim;
static char switch_file[64];

static void expect_text(const char *path, const char *want)
{
    char text[64] = "";

    CHECK(read_text(path, text, sizeof text) >= 0);
    if (strcmp(text, want) != 0)
        utest_fail(__FILE__, __LINE__, "%s is \"%s\", want \"%s\"", path, text, want);
}

static void find_victim(void)
{
    victim = online_cpus() - 1;
    if (victim < 1)
        utest_skip("needs two CPUs");
    snprintf(switch_file, sizeof switch_file, CPU_DIR "cpu%d/online", victim);
}

// "0" or "0-N" and a newline.
static const char *range(int last)
{
    static char text[16];

    snprintf(text, sizeof text, last ? "0-%d\n" : "0\n", last);
    return text;
}

UTEST_RULES(hotplug_files, "hotplug-files", NULL)
{
    find_victim();
    expect_text(CPU_DIR "possible", range(victim));
    expect_text(CPU_DIR "online", range(victim));
    expect_text(switch_file, "1\n");
    CHECK_ERRNO(open(CPU_DIR "cpu0/online", O_RDWR), ENOENT);
    CHECK_ERRNO(open(CPU_DIR "online", O_RDWR), EACCES);
    CHECK_ERRNO(write_text(switch_file, "2"), EINVAL);
    CHECK_ERRNO(write_text(switch_file, "10"), EINVAL);
    CHECK_ERRNO(write_text(switch_file, "1\n\n"), EINVAL);
    int fd = open(switch_file, O_WRONLY | O_TRUNC);
    REQUIRE(fd >= 0);
    CHECK_ERRNO(write(fd, bad_pointer(), 1), EFAULT);
    CHECK_ERRNO(write(fd, "", 0), EINVAL);
    close(fd);

    CHECK_EQ(write_text(switch_file, "0\n"), 0);
    expect_text(switch_file, "0\n");
    expect_text(CPU_DIR "online", range(victim - 1));
    expect_text(CPU_DIR "possible", range(victim));
    CHECK_EQ(online_cpus(), victim);
    CHECK_EQ(write_text(switch_file, "0"), 0);
    CHECK_EQ(write_text(switch_file, "1"), 0);
    expect_text(switch_file, "1\n");
    CHECK_EQ(online_cpus(), victim + 1);
}

static void store_until_told(void *arg)
{
    volatile uint64_t *pinned = arg, *stop = pinned + 1;
    int fd = bp_must(HW_BREAKPOINT_W, &v, 8);
    int64_t stores = 0;

    pin_to_cpu(victim);
    *pinned = 1;
    for (; !*stop; stores++)
        store8(&v, 1);
    CHECK_EQ(bp_end(fd), stores);
}

// A task that is bound to the CPU moves, and its event misses nothing. The CPU's own event waits
// until the CPU returns.
UTEST_RULES(hotplug_events, "hotplug-perf", "exact")
{
    volatile uint64_t *pinned = shared_memory(2 * sizeof *pinned), *stop = pinned + 1;
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &v, 8);

    find_victim();
    int fd = MUST_OPEN(&attr, -1, victim);
    pid_t child = spawn(store_until_told, (void *)pinned);
    while (!*pinned)
        sched_yield();
    for (long round = scaled(20); round > 0; round--) {
        int64_t before = bp_read(fd);
        sleep_ms(2);
        CHECK_EQ(write_text(switch_file, "0"), 0);
        int64_t count = bp_read(fd);
        CHECK(count >= before);
        CHECK_ERRNO(bp_open_attr(&attr, -1, victim), ENODEV);
        CHECK_ERRNO(bp_open_attr(&attr, 0, victim), ENODEV);
        sleep_ms(2);
        CHECK_EQ(bp_read(fd), count);
        CHECK_EQ(write_text(switch_file, "1"), 0);
    }
    *stop = 1;
    join(child);

    // A change while the CPU is away holds when it is back.
    CHECK_EQ(write_text(switch_file, "0"), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_RESET, 0), 0);
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), 0);
    CHECK_EQ(write_text(switch_file, "1"), 0);
    pin_to_cpu(victim);
    store8(&v, 1);
    CHECK_EQ(bp_read(fd), 0);
    CHECK_EQ(write_text(switch_file, "0"), 0); // the caller moves
    CHECK_EQ(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), 0);
    store8(&v, 1);
    CHECK_EQ(bp_read(fd), 0);
    CHECK_EQ(write_text(switch_file, "1"), 0);
    pin_to_cpu(victim);
    store8(&v, 1);
    CHECK_EQ(bp_end(fd), 1);
}

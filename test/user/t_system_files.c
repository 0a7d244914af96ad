// Files and calls that Linux tools need at their start: perf, test suites, C libraries.
#include "test/user/utest.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>

// The whole text of a file.
static const char *text_of(const char *path)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY);
    ssize_t n, all = 0;

    REQUIRE(fd >= 0);
    while ((n = read(fd, text + all, sizeof text - 1 - (size_t)all)) > 0)
        all += n;
    CHECK_EQ(n, 0);
    close(fd);
    text[all] = '\0';
    return text;
}

static long magic(const char *path)
{
    struct statfs fs;

    CHECK_EQ(statfs(path, &fs), 0);
    return (long)fs.f_type;
}

UTEST(system_mounts, "system-mounts")
{
    struct statfs fs;
    int ends[2], event = eventfd(0, 0);

    CHECK_EQ(magic("/proc"), 0x9fa0);
    CHECK_EQ(magic("/proc/self/status"), 0x9fa0);
    CHECK_EQ(magic("/sys"), 0x62656572);
    CHECK_EQ(magic("/sys/devices/system/cpu"), 0x62656572);
    CHECK_EQ(magic("/tmp"), 0x01021994);
    CHECK_EQ(magic("/dev/null"), 0x01021994);
    REQUIRE(pipe(ends) == 0);
    CHECK_EQ(fstatfs(ends[0], &fs), 0);
    CHECK_EQ(fs.f_type, 0x50495045);
    CHECK_EQ(fstatfs(event, &fs), 0);
    CHECK_EQ(fs.f_type, 0x09041934);
    const char *mounts = text_of("/proc/mounts");
    CHECK(strstr(mounts, "proc /proc proc rw"));
    CHECK(strstr(mounts, "sysfs /sys sysfs rw"));
    CHECK(strstr(mounts, "tmpfs /tmp tmpfs rw"));
    if (on_dr7())
        CHECK_EQ(magic("/sys/kernel/debug/tracing/trace_pipe"), 0x74726163);
}

UTEST(system_numbers, "system-numbers")
{
    unsigned long available, swap, free;
    unsigned running, all, last;
    const char *info = text_of("/proc/meminfo");

    CHECK(strstr(info, "MemAvailable:"));
    CHECK(sscanf(strstr(info, "MemAvailable:"), "MemAvailable: %lu kB", &available) == 1);
    CHECK(available > 1000);
    CHECK(sscanf(strstr(info, "SwapTotal:"), "SwapTotal: %lu kB", &swap) == 1 && swap == 0);
    CHECK(sscanf(strstr(info, "SwapFree:"), "SwapFree: %lu kB", &free) == 1 && free == 0);
    CHECK(sscanf(text_of("/proc/loadavg"), "%*f %*f %*f %u/%u %u", &running, &all, &last) == 3);
    CHECK(running >= 1 && all >= running && last >= (unsigned)getpid());
    CHECK(atol(text_of("/proc/sys/kernel/pid_max")) >= 32768);
    CHECK(text_of("/proc/sys/kernel/tainted")[0] >= '0');
    CHECK(strcmp(text_of("/proc/sys/kernel/core_pattern"), "core\n") == 0);
}

UTEST(system_topology, "system-topology")
{
    char path[96], own[16], all[16];
    static const char *const sets[] = {"online", "possible", "present"};
    int cpus = online_cpus();

    snprintf(all, sizeof all, cpus > 1 ? "0-%d\n" : "%d\n", cpus - 1);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/%s", sets[i]);
        CHECK(strcmp(text_of(path), all) == 0);
    }
    snprintf(own, sizeof own, "%d\n", cpus - 1);
#define TOPOLOGY "/sys/devices/system/cpu/cpu%d/topology/"
    snprintf(path, sizeof path, TOPOLOGY "core_id", cpus - 1);
    CHECK(strcmp(text_of(path), own) == 0);
    snprintf(path, sizeof path, TOPOLOGY "thread_siblings_list", cpus - 1);
    CHECK(strcmp(text_of(path), own) == 0);
    snprintf(path, sizeof path, TOPOLOGY "physical_package_id", cpus - 1);
    CHECK(strcmp(text_of(path), "0\n") == 0);
    snprintf(path, sizeof path, TOPOLOGY "package_cpus_list", cpus - 1);
    CHECK(strcmp(text_of(path), all) == 0);
    CHECK(strcmp(text_of("/sys/bus/event_source/devices/breakpoint/type"), "5\n") == 0);
}

UTEST(system_symbols, "system-symbols")
{
    unsigned long long addr;
    char type, name[64];
    const char *text = text_of("/proc/kallsyms"),
               *at = strstr(text, on_dr7() ? " T sys_eventfd2\n" : " _stext\n");

    CHECK(strstr(text, " T _stext\n"));
    CHECK(sscanf(text, "%llx %c %63s", &addr, &type, name) == 3);
    REQUIRE(at);
    CHECK(at - text >= 16);
    CHECK(strtoull(at - (on_dr7() ? 16 : 18), NULL, 16) > 0xffff800000000000);
}

static void adds(void *fd)
{
    uint64_t three = 3;

    usleep(1000);
    CHECK_EQ(write(*(int *)fd, &three, 8), 8);
}

UTEST(eventfd_counts, "eventfd")
{
    int fd = eventfd(2, EFD_NONBLOCK | EFD_CLOEXEC), slow = eventfd(0, EFD_SEMAPHORE);
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    uint64_t n = 5;

    REQUIRE(fd >= 0 && slow >= 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(write(fd, &n, 7), EINVAL);
    CHECK_EQ(write(fd, &n, 8), 8);
    CHECK_ERRNO(read(fd, &n, 7), EINVAL);
    CHECK_EQ(read(fd, &n, 8), 8);
    CHECK_EQ(n, 7);
    CHECK_ERRNO(read(fd, &n, 8), EAGAIN);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLOUT);
    n = ~0ull;
    CHECK_ERRNO(write(fd, &n, 8), EINVAL);
    n--;
    CHECK_EQ(write(fd, &n, 8), 8);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLIN);
    n = 1;
    CHECK_ERRNO(write(fd, &n, 8), EAGAIN);
    CHECK_ERRNO(read(fd, bad_pointer(), 8), EFAULT);
    CHECK_EQ(lseek(fd, 5, SEEK_SET), 0);
    CHECK_ERRNO(eventfd(0, 2), EINVAL);
    pid_t pid = spawn(adds, &slow);
    for (int i = 0; i < 3; i++) { // the first read waits
        CHECK_EQ(read(slow, &n, 8), 8);
        CHECK_EQ(n, 1);
    }
    join(pid);
}

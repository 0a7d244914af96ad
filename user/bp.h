// Breakpoints for programs: perf_event_open(2) in a few lines, on dr7 and on Linux.
#pragma once

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BP_REGISTERS 4 // address registers of a CPU: DR0-DR3

// A pinned breakpoint that counts accesses made in ring 3. type: HW_BREAKPOINT_W, _RW or _X; len in
// bytes: 1, 2, 4, 8 (execute: 8).
static inline struct perf_event_attr bp_attr(uint32_t type, const volatile void *addr, uint64_t len)
{
    struct perf_event_attr attr;

    memset(&attr, 0, sizeof attr);
    attr.type = PERF_TYPE_BREAKPOINT;
    attr.size = sizeof attr;
    attr.bp_type = type;
    attr.bp_addr = (uintptr_t)addr;
    attr.bp_len = len;
    attr.pinned = 1;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    return attr;
}

// perf_event_open(2) without a group. pid 0: the caller; -1: every task on `cpu`. cpu -1: every CPU
// on which the task runs. Returns a descriptor, or -1 and errno.
static inline int bp_open_attr(struct perf_event_attr *attr, pid_t pid, int cpu)
{
    return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, 0ul);
}

// The same for the calling task on every CPU.
static inline int bp_open(uint32_t type, const volatile void *addr, uint64_t len)
{
    struct perf_event_attr attr = bp_attr(type, addr, len);

    return bp_open_attr(&attr, 0, -1);
}

// The count of an event with read_format 0, or -1 when read(2) does not give one.
static inline int64_t bp_read(int fd)
{
    uint64_t count;

    return read(fd, &count, sizeof count) == sizeof count ? (int64_t)count : -1;
}

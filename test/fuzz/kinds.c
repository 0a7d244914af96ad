// Values for arguments: normal ones, and those that a hostile program would try.
#define _GNU_SOURCE
#include "test/fuzz/fuzz.h"
#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

uint64_t hostile_number(struct rng *r)
{
    static const uint64_t edges[] = {
        0x7f,       0x80,        0xff,       0x100,       0xfff,     0x1000,    0x1001,
        0x7fffffff, 0x80000000,  0xffffffff, 0x100000000, INT64_MAX, 1ul << 63, ~0ul,
        ~0ul - 1,   ~0ul - 4095, 0x7fff,     0x8000,      0xffff,    0x10000,   0x3fffffff,
    };

    switch (rng_below(r, 4)) {
    case 0:
        return edges[rng_below(r, sizeof edges / sizeof *edges)];
    case 1:
        return rng_next(r) >> rng_below(r, 64);
    case 2:
        return 0 - rng_below(r, 16);
    default:
        return rng_below(r, 32);
    }
}

uint64_t arena_address(struct rng *r)
{
    return ARENA + rng_below(r, ARENA_PAGES) * PAGE;
}

uint64_t hostile_pointer(struct rng *r)
{
    static const uint64_t edges[] = {
        0,
        1,
        4095,
        0x400000,
        0x7fffffffe000,
        0x7fffffffefff,
        0x7ffffffff000,
        0x7fffffffffff,
        0x800000000000,
        0xffff7fffffffffff,
        0xffff800000000000,
        0xffff888000000000,
        0xffff888000100000,
        0xffffc90000000000,
        0xffffffff80000000,
        0xffffffff80100000,
        0xfffffffffffff000,
        ~0ul - 7,
        ~0ul,
    };

    if (rng_once_in(r, 4))
        return edges[rng_below(r, sizeof edges / sizeof *edges)];
    // Most often near the end of a page, because memory across a page border is a special case.
    return arena_address(r) + (rng_once_in(r, 2) ? PAGE - rng_below(r, 64) : rng_below(r, PAGE));
}

// Kinds whose values are in a list: one of them, or some of them together.
struct list {
    const char *name;
    bool flags;
    const uint32_t *values;
    size_t count;
};

#define LIST(name, flags, ...)                                                                     \
    {                                                                                              \
        name, flags, (const uint32_t[]){__VA_ARGS__},                                              \
            sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)                             \
    }

static const struct list lists[KINDS] = {
    [NUMBER] = {.name = "number"},
    [LENGTH] = {.name = "length"},
    [FD] = {.name = "fd"},
    [PID] = {.name = "pid"},
    [TID] = {.name = "tid"},
    [ADDRESS] = {.name = "address"},
    [CLOCK] = LIST("clock", false, 0, 1, 2, 3, 4, 5, 6, 7),
    [PAGES] = LIST("pages", false, 0, 1, 4096, 8192, 12288, 20480, 36864, 65536, 0x40000),
    [PROT] = LIST("prot", true, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_EXEC),
    [MAP_FLAGS] = LIST("map", true, MAP_PRIVATE, MAP_SHARED, MAP_FIXED, MAP_ANONYMOUS,
                       MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_POPULATE,
                       MAP_FIXED_NOREPLACE, MAP_GROWSDOWN),
    [OPEN_FLAGS] = LIST("open", true, O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC,
                        O_APPEND, O_NONBLOCK, O_DIRECTORY, O_CLOEXEC, O_NOFOLLOW, O_PATH, O_ASYNC),
    [CLONE_FLAGS] =
        LIST("clone", true, CLONE_VM, CLONE_FILES,
             CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, CLONE_PARENT,
             CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID, CLONE_PARENT_SETTID, CLONE_SETTLS,
             CLONE_PTRACE, CLONE_UNTRACED, CLONE_VFORK),
    [MODE] = LIST("mode", false, 0, 4, 7, 0600, 0644, 0755, 0777, 07777),
    [AT_FLAGS] = LIST("at", true, 0, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH),
    [WHENCE] = LIST("whence", false, 0, 1, 2, 3, 4, 5),
    [TIMER_FLAGS] = LIST("timer-flags", false, 0, 1, 2),
    [WAIT_OPTIONS] = LIST("wait", true, WNOHANG, WUNTRACED, WCONTINUED, WEXITED, WSTOPPED, WNOWAIT,
                          0x20000000, 0x40000000, 0x80000000),
    [ID_TYPE] = LIST("id-type", false, 0, 1, 2, 3),
    [SIGSET_SIZE] = LIST("set-size", false, 8, 8, 8, 8, 8, 8, 8, 4, 16, 128),
    [FUTEX_OP] =
        LIST("futex", true, FUTEX_WAIT, FUTEX_WAKE, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP,
             FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET, FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME),
    [PRCTL] = LIST("prctl", false, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_NAME, PR_GET_NAME, 4),
    [ARCH_PRCTL] = LIST("arch", false, ARCH_SET_FS, ARCH_SET_GS, ARCH_GET_FS, ARCH_GET_GS),
    [ADVICE] = LIST("advice", false, 0, 1, 2, 3, 4, 8, 9, 10, 12),
    [REMAP_FLAGS] = LIST("remap", true, MREMAP_MAYMOVE, MREMAP_FIXED, 4),
    [FCNTL] = LIST("fcntl", false, F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETOWN, F_GETOWN,
                   F_SETSIG, F_GETSIG, 15, 16, 1030, 1031, 1032),
    [IOCTL] =
        LIST("ioctl", false, PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE, PERF_EVENT_IOC_REFRESH,
             PERF_EVENT_IOC_RESET, PERF_EVENT_IOC_PERIOD, PERF_EVENT_IOC_SET_OUTPUT,
             PERF_EVENT_IOC_ID, PERF_EVENT_IOC_PAUSE_OUTPUT, PERF_EVENT_IOC_MODIFY_ATTRIBUTES,
             PERF_EVENT_IOC_MODIFY_ATTRIBUTES, PERF_EVENT_IOC_REFRESH, TCGETS, TCSETS, TCSETSW,
             TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ, TIOCSWINSZ, TIOCSCTTY, FIONREAD, FIONBIO, FIOASYNC),
    [PERF_FLAGS] =
        LIST("perf", true, 0, PERF_FLAG_FD_NO_GROUP, PERF_FLAG_FD_OUTPUT, PERF_FLAG_FD_CLOEXEC),
    [PTRACE_REQUEST] =
        LIST("ptrace", false, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 24, 31, 33,
             0x4200, 0x4201, 0x4202, 0x4203, 0x4204, 0x4205, 0x4206, 0x4207, 0x4208, 0x4209, 0x420a,
             0x420b, 0x420e, 16, 16, 0x4206, 0x4207, 0x4208),
    [CPU] = LIST("cpu", false, -1u, -1u, -1u, 0, 1, 2, 3, 4, 64),
    [SIGNAL] = LIST("signal", false, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18,
                    19, 20, 21, 22, 29, 32, 33, 34, 63, 64, 65),
    [COUNT] = LIST("count", false, 0, 1, 2, 3, 4, 5, 8, 13, 16, 64, 1024, 1025),
    [BYTES] = {.name = "bytes"},
    [PATH] = {.name = "path"},
    [TIMESPEC] = {.name = "timespec"},
    [VECTOR] = {.name = "vector"},
    [REMOTE_VECTOR] = {.name = "remote-vector"},
    [SIGSET] = {.name = "set"},
    [SIGINFO] = {.name = "siginfo"},
    [SIGACTION] = {.name = "action"},
    [ALTSTACK] = {.name = "altstack"},
    [ATTRIBUTES] = {.name = "attr"},
    [POLL] = {.name = "pollfds"},
    [WORD] = {.name = "word"},
    [TIMER] = {.name = "timer"},
    [CPUS] = {.name = "cpus"},
    [REGISTERS] = {.name = "registers"},
};

const char *kind_name(enum kind kind)
{
    return lists[kind].name;
}

static uint64_t from_list(const struct list *l, struct rng *r)
{
    uint64_t value = (uint64_t)(int32_t)l->values[rng_below(r, l->count)];

    if (l->flags)
        while (rng_once_in(r, 2))
            value |= l->values[rng_below(r, l->count)];
    return value;
}

uint64_t kind_value(enum kind kind, struct rng *r)
{
    static const uint16_t lengths[] = {0, 1, 4, 7, 8, 16, 64, 100, 136, 511, 512};

    if (kind >= FIRST_BUFFER)
        return rng_once_in(r, 5) ? hostile_pointer(r) : rng_below(r, SLOTS);
    if (rng_once_in(r, 24))
        return hostile_number(r);
    switch (kind) {
    case FD:
    case PID:
    case TID:
        return rng_below(r, SLOTS);
    case LENGTH:
        return rng_once_in(r, 4) ? rng_below(r, 1 << 17)
                                 : lengths[rng_below(r, sizeof lengths / sizeof *lengths)];
    case ADDRESS:
        return rng_once_in(r, 8) ? hostile_pointer(r) : arena_address(r);
    case SIGNAL: // signals that always end or stop a process are rare
        for (int tries = 0;; tries++) {
            uint64_t sig = from_list(&lists[SIGNAL], r);
            if ((sig != SIGKILL && sig != SIGSTOP) || tries == 2)
                return sig;
        }
    default:
        return lists[kind].count ? from_list(&lists[kind], r) : hostile_number(r);
    }
}

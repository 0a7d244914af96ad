// Tests that see old bugs. Each returns true if the kernel is right, and leaves nothing open.
#include "labs/museum/museum.h"

// 2010: an execute breakpoint is a fault. Without RF its instruction faults for ever.
bool calls_are_counted(void)
{
    const int own = 0; // the register that is used
    struct perf_event_attr attr =
        bp_attr(HW_BREAKPOINT_X, (void *)(uintptr_t)museum_call, sizeof(long));
    int before[BP_REGISTERS];
    for (int i = 0; i < own; i++) // they get the registers 0, 1, ...
        before[i] = bp_open(HW_BREAKPOINT_W, &museum_word[i], 8);
    attr.disabled = 1;
    attr.sample_period = 1000; // hit 1000 is the last
    int fd = bp_open_attr(&attr, 0, -1);
    bool right = ioctl(fd, PERF_EVENT_IOC_REFRESH, 1) == 0;
    for (int i = 0; i < 100; i++)
        museum_call();
    right = right && bp_read(fd) == 100;
    close(fd);
    for (int i = 0; i < own; i++)
        close(before[i]);
    return right;
}

// 2010: DR7 is one register for four breakpoints. Adding or removing one switched the others off.
bool neighbours_stay(void)
{
    const int own = 0; // the register that goes and comes
    const int rounds = 2;
    int fd[BP_REGISTERS];
    bool right = true;
    for (int i = 0; i < BP_REGISTERS; i++)
        fd[i] = bp_open(HW_BREAKPOINT_W, &museum_word[i], 8);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < BP_REGISTERS; i++)
            museum_word[i] = 1;
        close(fd[own]);
        for (int i = 0; i < BP_REGISTERS; i++)
            museum_word[i] = 2;
        fd[own] = bp_open(HW_BREAKPOINT_W, &museum_word[own], 8);
    }
    for (int i = 0; i < BP_REGISTERS; i++)
        right = right && bp_read(fd[i]) == (i == own ? 0 : 2 * rounds);
    for (int i = 0; i < BP_REGISTERS; i++)
        close(fd[i]);
    return right;
}

// 2009: a request was refused, and kept its slot.
bool refused_leaves_nothing(void)
{
    const int own = 0; // why it is refused
    struct perf_event_attr bad = museum_refused(own);
    bool right = true;
    int fd[BP_REGISTERS];
    for (int i = 0; i < BP_REGISTERS; i++)
        right = right && bp_open_attr(&bad, 0, -1) < 0 && errno == EINVAL;
    for (int i = 0; i < BP_REGISTERS; i++) {
        fd[i] = bp_open(HW_BREAKPOINT_W, &museum_word[i], 8);
        right = right && fd[i] >= 0;
    }
    for (int i = 0; i < BP_REGISTERS; i++)
        close(fd[i]);
    return right;
}

// 2018: a change was refused, but the breakpoint was not as before.
bool refused_changes_nothing(void)
{
    const int own = 0; // why it is refused
    struct perf_event_attr bad = museum_refused(own);
    int fd = bp_open(HW_BREAKPOINT_W, &museum_word[0], 8);
    bool right = ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &bad) < 0 && errno == EINVAL;
    for (int i = 0; i < 10; i++)
        museum_word[0] = museum_word[0] + 1; // reads do not count
    right = right && bp_read(fd) == 10;
    close(fd);
    return right;
}

// 2010 and 2013: DR7 was read back with fewer bits than were written; and a DR7 that was refused
// had changed a register.
bool debugger_reads_back(void)
{
    const int own = 0;                                                 // whose L bit is forgotten
    const int used = own % 3;                                          // the one that is changed
    const unsigned long on = 1ul << 2 * used | 1ul << (16 + 4 * used); // it watches a byte
    const unsigned long all = 0x7fful; // L, G of each, LE, GE, and the bit that is always 1
    pid_t pid = museum_child();
    bool right = true;
    for (int n = 0; n < BP_REGISTERS; n++)
        right = right && museum_poke(pid, n, (uintptr_t)museum_call) == 0;
    right = right && museum_poke(pid, 7, all) == 0 && museum_peek(pid, 7) == all;
    right = right && museum_poke(pid, 7, 0) == 0;
    right = right && museum_poke(pid, used, (uintptr_t)&museum_word[0]) == 0;
    right = right && museum_poke(pid, 7, on) == 0;
    right = right && museum_poke(pid, 7, 1ul << 6 | 2ul << 28) == EINVAL; // I/O; `used` is off
    right = right && museum_peek(pid, 7) == on;
    int status = museum_go(pid);
    right = right && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
    museum_end(pid);
    return right;
}

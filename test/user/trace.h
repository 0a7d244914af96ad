// What the ptrace tests share: a traced child, and requests that must succeed.
#pragma once

#include "test/user/utest.h"
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

// Wait statuses of stops: WSTOPPED with this signal, or with an event of PTRACE_O_*.
#define STOPPED(sig)  ((sig) << 8 | 0x7f)
#define AT_EVENT(evt) STOPPED(SIGTRAP | (evt) << 8)
#define AT_SYSCALL    STOPPED(SIGTRAP | 0x80)
#define ENDED(code)   ((code) << 8)

#define DR_OFFSET(n) (offsetof(struct user, u_debugreg) + 8 * (n))

// DR7's bits for register n: local enable, type, length as encoded (0, 1, 3, 2: 1, 2, 4, 8 bytes).
#define DR7_SET(n, type, len)                                                                      \
    (1ul << 2 * (n) | (unsigned long)((len) << 2 | (type)) << (16 + 4 * (n)))
#define DR_X     0
#define DR_W     1
#define DR_RW    3
#define DR6_NONE 0xffff0ff0ul

// Returns a child that has stopped with SIGSTOP. It then runs fn(arg) and exits with 0.
pid_t trace(void (*fn)(void *arg), void *arg);
// Waits for the next status of this child or traced thread.
int next_status(pid_t tid);
// Continues the tracee with a request (PTRACE_CONT and others) and a signal, and waits.
int go(int request, pid_t pid, int sig);
// Ends a child in any state.
void finish(pid_t pid);

long peek_dr(pid_t pid, int n);
// 0, or errno.
int poke_dr(pid_t pid, int n, unsigned long value);
struct user_regs_struct regs_of(pid_t pid);
siginfo_t siginfo_of(pid_t pid);

// Two pieces of work on the same memory, and what runs them instruction by instruction.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES 26  // a piece of work has fewer instructions
#define LIMIT  100 // steps: work that takes more waits for the lock

// What both share. It is all zero when they begin.
struct memory {
    volatile long x, y;
    volatile int lock; // 1: taken
};

typedef void work(struct memory *m);

struct pair {
    const char *name;
    work *a, *b;
};

// What both have left in the memory.
struct result {
    long x, y;
};

// A child that does one piece of work.
struct runner {
    pid_t pid;
    unsigned long end; // the address that the work returns to
    bool done;         // it has returned
};

// A register of a stopped child: register_of(pid, rip).
#define register_of(pid, name)                                                                     \
    (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.name), 0)

// One instruction of a stopped child, or all up to its next stop (PTRACE_CONT); then it is stopped.
static inline void let_go(pid_t pid, int request)
{
    int status;

    if (ptrace(request, pid, 0, 0) || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        printf("a child is gone (%s)\n", request == PTRACE_CONT ? "continued" : "stepped");
        exit(1);
    }
}

// The child ends, wherever it is.
static inline void end(const struct runner *r)
{
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
}

void start(struct runner *r, work *work, struct memory *m);
void step(struct runner *r);
bool run(struct runner *r, int most);
struct result outcome(const struct pair *p, struct memory *m, int n);
int look(const struct pair *p, struct memory *m, int *places);

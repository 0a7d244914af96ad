// Finds races by interleaving: one piece of work is stopped after each of its instructions, and the
// other one runs in between. It is a program for dr7 and for Linux.
#include "labs/interleave/interleave.h"

// The child stands before the first instruction of its work.
void start(struct runner *r, work *work, struct memory *m)
{
    int status;

    r->done = false;
    r->pid = fork();
    if (r->pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        work(m);
        _exit(0);
    }
    waitpid(r->pid, &status, 0);
    while (register_of(r->pid, rip) != (unsigned long)work)
        let_go(r->pid, PTRACE_SINGLESTEP);
    r->end = ptrace(PTRACE_PEEKDATA, r->pid, register_of(r->pid, rsp), 0);
}

// One instruction of work that is not done.
void step(struct runner *r)
{
    let_go(r->pid, PTRACE_SINGLESTEP);
    r->done = register_of(r->pid, rip) == r->end;
}

// At most so many instructions. True when the work is done.
bool run(struct runner *r, int most)
{
    for (int i = 0; i < most && !r->done; i++)
        step(r);
    return r->done;
}

// What is left when one piece has done n instructions, and the other has run as far as it can. Then
// both run to their ends.
struct result outcome(const struct pair *p, struct memory *m, int n)
{
    struct runner held, other;

    m->x = m->y = m->lock = 0;
    start(&held, p->a, m);
    start(&other, p->b, m);
    run(&held, n);
    run(&other, LIMIT);
    run(&held, LIMIT);
    run(&other, LIMIT); // which may have waited
    end(&held);
    end(&other);
    return (struct result){m->x, m->y};
}

// Puts into `places` after how many instructions a stop changes the result: it is the result of
// neither order. Returns how many such places there are.
int look(const struct pair *p, struct memory *m, int *places)
{
    struct runner r;
    int total = 0, found = 0;

    for (start(&r, p->a, m); !r.done && total < LIMIT; total++)
        step(&r);
    end(&r);
    struct result last = outcome(p, m, 0), first = outcome(p, m, total);
    for (int n = 1; n < total && n < PLACES; n++) {
        struct result now = outcome(p, m, n);
        bool as_last = now.x == last.x && now.y == last.y;
        bool as_first = now.x == first.x && now.y == first.y;
        if (!as_last && !as_first)
            places[found++] = n;
    }
    return found;
}

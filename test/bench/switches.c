// Context switches between two processes with pipes. Both have breakpoints.
#include "test/bench/bench.h"
#include "user/proc.h"

#include <sys/mman.h>
#include <sys/wait.h>

static struct partner partner;
static long *partner_writes; // shared with the partner: register writes when it was switched in

struct partner partner_start(int first, int n)
{
    int to[2], from[2];
    char byte;

    need(pipe(to) == 0 && pipe(from) == 0, "pipe");
    pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        close(to[1]);
        close(from[0]);
        close_words(); // the ones left open by fork()
        open_words(first, n, false);
        while (call3(SYS_read, to[0], (long)&byte, 1) == 1) {
            if (partner_writes)
                *partner_writes = hwbp_sum("cpu", "writes");
            call3(SYS_write, from[1], (long)&byte, 1);
        }
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    return (struct partner){to[1], from[0], pid};
}

void partner_stop(struct partner *p)
{
    int status;

    close(p->to);
    need(waitpid(p->pid, &status, 0) == p->pid && status == 0, "the partner's end");
    close(p->from);
}

void partner_round(const struct partner *p)
{
    char byte = 0;

    call3(SYS_write, p->to, (long)&byte, 1);
    need(call3(SYS_read, p->from, (long)&byte, 1) == 1, "the partner's answer");
}

static void switches(int n)
{
    for (int i = 0; i < n; i += 2)
        partner_round(&partner);
}

static void timed(const char *row, int n)
{
    partner = partner_start(BP_REGISTERS, n);
    open_words(0, n, false);
    measure(row, switches, 100);
    close_words();
    partner_stop(&partner);
}

// The register writes of one switch in each direction, from /proc/hwbp: the largest of some rounds.
static void counted(const char *there, const char *back, int ours, int theirs, int first)
{
    long most[2] = {0, 0};

    partner = partner_start(first, theirs);
    open_words(0, ours, false);
    for (int i = 0; i < 20; i++) {
        long before = hwbp_sum("cpu", "writes");
        partner_round(&partner);
        long after = hwbp_sum("cpu", "writes");
        if (i > 0) { // in the first round the partner opens its breakpoints
            most[0] = *partner_writes - before > most[0] ? *partner_writes - before : most[0];
            most[1] = after - *partner_writes > most[1] ? after - *partner_writes : most[1];
        }
    }
    close_words();
    partner_stop(&partner);
    report(there, (uint64_t)most[0]);
    if (back)
        report(back, (uint64_t)most[1]);
}

void bench_switches(void)
{
    timed("switch-0", 0);
    timed("switch-1", 1);
    timed("switch-4", 4);
    if (hwbp_sum("cpu", "writes") < 0)
        return; // Linux does not count them
    partner_writes = mmap(NULL, sizeof *partner_writes, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(partner_writes != MAP_FAILED, "shared memory");
    counted("writes-0-0", NULL, 0, 0, 0);
    counted("writes-4-0", "writes-0-4", 4, 0, 0);
    counted("writes-4-4-equal", NULL, 4, 4, 0);
    counted("writes-4-4-different", NULL, 4, 4, BP_REGISTERS);
    partner_writes = NULL;
}

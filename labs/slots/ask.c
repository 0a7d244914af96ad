// The same questions to a running kernel, through perf_event_open(2); works on Linux, too. The
// arguments are words as in answer.c, each for one breakpoint. Task A is this process, B and C are
// its children. Prints "." for a request that is granted and "x" for one that is refused.
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_WORDS 256
#define TASKS     3

static long target;
static pid_t task[TASKS];
static int fds[MAX_WORDS];

static int open_bp(const char *w)
{
    struct perf_event_attr a = {.type = PERF_TYPE_BREAKPOINT,
                                .size = sizeof(a),
                                .pinned = w[2] != 'f',
                                .bp_type = HW_BREAKPOINT_W,
                                .bp_addr = (long)&target,
                                .bp_len = 8};
    return syscall(SYS_perf_event_open, &a, *w == '-' ? -1 : task[*w - 'A'],
                   w[1] == '*' ? -1 : w[1] - '0', -1, 0);
}

static void give_back(char **words, int n, const char *w)
{
    for (int i = 0; i < n; i++) {
        if (fds[i] >= 0 && strcmp(words[i], w) == 0) {
            close(fds[i]);
            fds[i] = -1;
            return;
        }
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < TASKS; i++)
        if ((task[i] = fork()) == 0)
            for (;;)
                pause();
    for (int i = 1; i < argc && i < MAX_WORDS; i++) {
        fds[i] = -1;
        if (argv[i][0] == '~') {
            give_back(argv, i, argv[i] + 1);
            continue;
        }
        fds[i] = open_bp(argv[i]);
        putchar(fds[i] >= 0 ? '.' : errno == ENOSPC ? 'x' : '?');
    }
    putchar('\n');
    for (int i = 1; i < TASKS; i++)
        kill(task[i], SIGKILL);
    return 0;
}

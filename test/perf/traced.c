// A program for perf. For each task, the places, numbers and callers of its stores are known
// exactly. It is built without optimization, so that all functions have frames.
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

volatile long counter, total;

void leaf(long n)
{
    counter = n;
}

void middle(long n)
{
    leaf(n);
}

void top(long n)
{
    middle(n);
    total += n; // a load and a store
    leaf(n);
}

int main(int argc, char **argv)
{
    int status;
    pid_t pid;

    if (argc > 1) { // only this often, with no pause
        for (long n = atol(argv[1]); n > 0; n--)
            leaf(n);
        return 0;
    }
    pid = fork();

    if (pid == 0) {
        prctl(PR_SET_NAME, "offspring");
        for (long n = 0; n < 3; n++)
            top(n);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    for (long n = 0; n < 5; n++)
        top(n);
    printf("%d %d\n", (int)getpid(), (int)pid);
    return status != 0;
}

// The first program. Without arguments it runs the demonstration, then the shell: busybox's if
// there is busybox, else our own. "demo": only that; another name: only this program of /bin, as a
// shell. The machine goes off when the first program ends, with its status; so no key of the
// console may end it.
#define _GNU_SOURCE // sighandler_t
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127
#define NOT_RUN   (NOT_FOUND << 8) // the wait status of a program that could not be started

// Runs a program and waits for it; children that were left to us are reaped on the way. Its status.
// `tstp`: what ^Z does to it.
static int run(const char *path, const char *name, sighandler_t tstp)
{
    char *argv[] = {(char *)name, NULL};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        signal(SIGTSTP, tstp);
        execv(path, argv);
        fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
        _exit(NOT_FOUND);
    }
    if (pid < 0) {
        fprintf(stderr, "init: fork: %s\n", strerror(errno));
        return -1;
    }
    for (;;) {
        pid_t ended = wait(&status);
        if (ended == pid)
            return status;
        if (ended < 0 && errno != EINTR)
            return -1;
    }
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    char shell[64];
    int status = 0, ran = 0;

    setenv("PATH", "/bin", 1);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    setenv("ENV", "/etc/shrc", 1);
    setenv("HOME", "/tmp", 1);
    if (!*only)
        only = access("/bin/busybox", X_OK) == 0 ? "busybox" : "sh";
    snprintf(shell, sizeof(shell), "/bin/%s", only);
    if (argc == 1 || strcmp(only, "demo") == 0)
        status = run("/bin/demo", "demo", SIG_IGN); // nobody here could continue it
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
        status = 0; // who types ^C wants the shell now
    if (strcmp(only, "demo") != 0)
        ran = run(shell, "sh", SIG_DFL);
    return status != 0 || ran == NOT_RUN;
}

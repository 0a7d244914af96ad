// The first program. Without arguments it runs the demonstration, then the shell; "demo": only
// that; another name: only this program of /bin, as a shell. The machine goes off when the first
// program ends, with its status; so no key of the console may end it.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Runs a program and waits for it; children that were left to us are reaped on the way. Its status.
static int run(const char *path, const char *name)
{
    char *argv[] = {(char *)name, NULL};
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        execv(path, argv);
        fprintf(stderr, "init: %s: %s\n", path, strerror(errno));
        _exit(127);
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
    int status = 0;

    setenv("PATH", "/bin", 1);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN); // for all: nobody here could continue what it stops
    snprintf(shell, sizeof(shell), "/bin/%s", *only ? only : "sh");
    if (!*only || strcmp(only, "demo") == 0)
        status = run("/bin/demo", "demo");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
        status = 0; // who types ^C wants the shell now
    if (strcmp(only, "demo") != 0)
        run(shell, "sh");
    return status != 0;
}

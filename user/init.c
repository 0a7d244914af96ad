// The first program. Without arguments it runs the demonstration, then the shell: busybox's, or
// dr7's own if there is no busybox. "demo" runs only the demonstration, and another name only this
// program of /bin, as a shell. The machine goes off when the first program ends, so no key of the
// console may end it. Its status is 1 if the shell could not be started, or if the demonstration
// alone ("demo") failed.
#define _GNU_SOURCE // environ
#include "user/help.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

HELP("init [demo|PROGRAM]: the first program; starts the demonstration, then a shell");

#define NOT_RUN (-1) // no wait status has this value

// Runs a program and waits for it. Meanwhile it reaps orphans. Returns the wait status, or NOT_RUN.
// `stoppable`: ^Z stops the program.
static int run(const char *path, const char *name, bool stoppable)
{
    char *argv[] = {(char *)name, NULL};
    posix_spawnattr_t as_usual;
    sigset_t usual;
    int status;
    pid_t pid, ended;

    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGQUIT);
    if (stoppable)
        sigaddset(&usual, SIGTSTP);
    posix_spawnattr_init(&as_usual);
    posix_spawnattr_setsigdefault(&as_usual, &usual);
    posix_spawnattr_setflags(&as_usual, POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(&pid, path, NULL, &as_usual, argv, environ);
    if (error) {
        fprintf(stderr, "init: %s: %s\n", path, strerror(error));
        return NOT_RUN;
    }
    do
        ended = wait(&status);
    while (ended != pid && (ended >= 0 || errno == EINTR));
    return ended == pid ? status : NOT_RUN;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    char shell[64];
    int shown = 0;

    help_if_asked(argc, argv);
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
        shown = run("/bin/demo", "demo", false); // no job control could continue it
    if (strcmp(only, "demo") == 0)
        return shown != 0;
    return run(shell, "sh", true) == NOT_RUN;
}

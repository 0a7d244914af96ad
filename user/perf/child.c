// Starts the program after all events are open.
#include "user/perf/perf.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOT_FOUND 127 // the same status as in shells

static bool executable(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

char *find_program(const char *command)
{
    const char *dirs = getenv("PATH");
    char path[4096];

    if (strchr(command, '/') || !dirs)
        return strdup(command);
    for (;;) {
        size_t len = strcspn(dirs, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)len, dirs, command);
        if (executable(path))
            return strdup(path);
        if (!dirs[len])
            break;
        dirs += len + 1;
    }
    fprintf(stderr, "perf: %s: %s\n", command, strerror(ENOENT));
    return NULL;
}

bool child_start(struct child *child, const char *path, char **argv)
{
    int gate[2];
    char c;

    fflush(NULL); // otherwise the child writes it again
    if (pipe(gate) != 0 || (child->pid = fork()) < 0) {
        perror("perf");
        return false;
    }
    if (child->pid == 0) {
        close(gate[1]);
        while (read(gate[0], &c, 1) < 0 && errno == EINTR)
            ;
        close(gate[0]);
        execv(path, argv);
        fprintf(stderr, "perf: %s: %s\n", path, strerror(errno));
        _exit(NOT_FOUND);
    }
    close(gate[0]);
    child->go = gate[1];
    return true;
}

void child_go(struct child *child)
{
    close(child->go);
}

int child_abandon(struct child *child)
{
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    return 1;
}

int exit_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

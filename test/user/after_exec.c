// What this binary does when a test executes it again with execve(2).
#include "test/user/utest.h"

extern char **environ;

void exec_self(const char *mode, const char *arg, char **env)
{
    char *argv[] = {(char *)utest_self, EXEC_MARK, (char *)mode, (char *)arg, NULL};

    execve("/proc/self/exe", argv, env);
    execve(utest_self, argv, env); // where /proc is not mounted
    no_exec("this binary");
}

void no_exec(const char *what)
{
    utest_fail(__FILE__, __LINE__, "%s does not start (errno %d, %s)", what, errno,
               strerror(errno));
    _exit(NO_EXEC);
}

volatile long bp_across_exec; // has the same address before and after execve

static void use_stack(long bytes)
{
    volatile char piece[1024];

    piece[0] = 1;
    if (bytes > 0)
        use_stack(bytes - (long)sizeof piece);
    piece[0] = 2;
}

int after_exec(int argc, char **argv)
{
    const char *mode = argv[0], *arg = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "exit") == 0)
        return atoi(arg);
    if (strcmp(mode, "is-first") == 0)
        return gettid() == getpid() ? 0 : 1;
    if (strcmp(mode, "env") == 0) // the environment must have exactly this entry
        return environ[0] && strcmp(environ[0], arg) == 0 && !environ[1] ? 0 : 1;
    if (strcmp(mode, "closed") == 0) // the descriptor must be closed
        return fcntl(atoi(arg), F_GETFD) == -1 && errno == EBADF ? 0 : 1;
    if (strcmp(mode, "bp") == 0) { // the task's breakpoint and its count must have survived
        bp_across_exec = 1;
        bp_across_exec = 2;
        return (int)bp_read(atoi(arg));
    }
    if (strcmp(mode, "bp-enable") == 0) { // the breakpoint was removed, and cannot be enabled again
        ioctl(atoi(arg), PERF_EVENT_IOC_ENABLE, 0);
        bp_across_exec = 1;
        return (int)bp_read(atoi(arg));
    }
    if (strcmp(mode, "stack") == 0) {
        use_stack(atol(arg));
        return 0;
    }
    if (strcmp(mode, "pause") == 0)
        return pause();
    if (strcmp(mode, "debuggee") == 0)
        return debuggee();
    return 99;
}

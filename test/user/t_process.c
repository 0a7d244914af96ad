// fork, exec, wait: what parents and children see of each other.
#include "test/user/utest.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void exit_with(void *arg)
{
    _exit((int)(intptr_t)arg);
}

static void die_by(void *arg)
{
    raise((int)(intptr_t)arg);
}

UTEST(wait_status, "wait-status")
{
    CHECK_EQ(wait_for(spawn(exit_with, (void *)0)), 0);
    CHECK_EQ(wait_for(spawn(exit_with, (void *)7)), 7 << 8);
    CHECK_EQ(wait_for(spawn(exit_with, (void *)0x1ff)), 0xff << 8);
    CHECK_EQ(wait_for(spawn(die_by, (void *)SIGTERM)) & 0x7f, SIGTERM);
    CHECK_EQ(wait_for(spawn(die_by, (void *)SIGKILL)) & 0x7f, SIGKILL);
    CHECK_EQ(wait_for(spawn(die_by, (void *)SIGSEGV)) & 0x7f, SIGSEGV);
}

UTEST(wait_errors, "wait-errors")
{
    int status;

    CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
    CHECK_ERRNO(waitpid(1234567, &status, 0), ECHILD);
    struct gate g;
    gate_init(&g);
    pid_t pid = fork();
    if (pid == 0) {
        gate_wait(&g);
        _exit(3);
    }
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_ERRNO(waitpid(pid, &status, 0x1000), EINVAL);
    CHECK_ERRNO(waitpid(pid + 100000, &status, 0), ECHILD);
    gate_open(&g);
    CHECK_EQ(wait4(-1, &status, 0, NULL), pid);
    CHECK_EQ(WEXITSTATUS(status), 3);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD); // a child can be waited for only once
}

UTEST(fork_many, "fork-many")
{
    enum { CHILDREN = 40 };
    pid_t pids[CHILDREN];
    long sum = 0;

    for (int i = 0; i < CHILDREN; i++)
        pids[i] = spawn(exit_with, (void *)(intptr_t)i);
    for (int i = CHILDREN - 1; i >= 0; i--)
        sum += WEXITSTATUS(wait_for(pids[i]));
    CHECK_EQ(sum, CHILDREN * (CHILDREN - 1) / 2);
    for (long i = 0; i < scaled(300); i++)
        CHECK_EQ(wait_for(spawn(exit_with, (void *)1)), 1 << 8);
}

static void orphan_maker(void *arg)
{
    int *ends = arg;
    if (fork() == 0) {
        sleep_ms(50);
        pid_t parent = getppid();
        write(ends[1], &parent, sizeof parent);
        _exit(0);
    }
}

UTEST(orphan, "orphan")
{
    int ends[2];
    pid_t middle, adopter = -1;

    REQUIRE(pipe(ends) == 0);
    middle = spawn(orphan_maker, ends);
    join(middle);
    close(ends[1]);
    CHECK_EQ(read(ends[0], &adopter, sizeof adopter), sizeof adopter);
    CHECK(adopter != middle);
    CHECK(adopter != getpid());
}

static void check_ids(void *arg)
{
    pid_t *ids = arg;
    CHECK_EQ(getppid(), ids[0]);
    CHECK(getpid() != ids[0]);
    CHECK_EQ(syscall(SYS_gettid), getpid());
    CHECK_EQ(getpgrp(), ids[1]);
}

UTEST(ids, "ids")
{
    pid_t ids[2] = {getpid(), getpgrp()};
    uid_t id[3] = {1, 1, 1};

    CHECK_EQ(setuid(0), 0);
    CHECK_EQ(setresgid((gid_t)-1, 0, (gid_t)-1), 0);
    CHECK_EQ(getresuid(&id[0], &id[1], &id[2]), 0);
    CHECK_EQ(id[0] + id[1] + id[2], 0);
    CHECK_ERRNO(setpgid(-1, 0), EINVAL);
    CHECK_ERRNO(setpgid(-1, 1), ESRCH);
    CHECK_EQ(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}), 0);
    CHECK_ERRNO(setrlimit(RLIMIT_CORE, &(struct rlimit){1, 0}), EINVAL);
    join(spawn(check_ids, ids));
}

struct exec_case {
    const char *mode, *arg;
};

static void exec_case(void *arg)
{
    struct exec_case *c = arg;
    char *env[] = {"ONLY=this one", NULL};
    exec_self(c->mode, c->arg, env);
}

UTEST(exec, "exec")
{
    struct exec_case status = {"exit", "42"}, environment = {"env", "ONLY=this one"};

    CHECK_EQ(wait_for(spawn(exec_case, &status)), 42 << 8);
    join(spawn(exec_case, &environment));

    char text[16];
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    snprintf(text, sizeof text, "%d", fd);
    struct exec_case closed = {"closed", text};
    join(spawn(exec_case, &closed));
}

UTEST(exec_errors, "exec-errors")
{
    char *argv[] = {"x", NULL}, *none[] = {NULL};
    static char data[] = "not a program";
    int fd = open("/tmp/utest-exec", O_RDWR | O_CREAT | O_TRUNC, 0755);

    CHECK_ERRNO(execve("/no/such/file", argv, none), ENOENT);
    CHECK_ERRNO(execve("", argv, none), ENOENT);
    CHECK_ERRNO(execve("/", argv, none), EACCES);
    CHECK_ERRNO(execve(bad_pointer(), argv, none), EFAULT);
    CHECK_ERRNO(execve("/proc/self/exe", bad_pointer(), none), EFAULT);
    if (fd >= 0 && !on_dr7()) { // dr7 runs only programs from the archive
        CHECK_EQ(write(fd, data, sizeof data), sizeof data);
        close(fd);
        CHECK_ERRNO(execve("/tmp/utest-exec", argv, none), ENOEXEC);
    }
    unlink("/tmp/utest-exec");
}

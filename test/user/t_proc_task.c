// /proc as debuggers read it: threads, the start of a program, signals.
#include "test/user/trace.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

extern char **environ;

static long read_file(const char *path, void *buf, size_t size)
{
    int fd = open(path, O_RDONLY);
    long n = fd < 0 ? -errno : read(fd, buf, size);

    close(fd);
    ((char *)buf)[n < 0 ? 0 : n] = '\0';
    return n;
}

static long field(const char *text, const char *name, int base)
{
    const char *at = strstr(text, name);

    return at ? strtol(at + strlen(name), NULL, base) : -1;
}

static volatile int tid;

static void wait_long(void *)
{
    for (;;)
        pause();
}

static void *second_thread(void *)
{
    prctl(PR_SET_NAME, "second");
    tid = (int)syscall(SYS_gettid);
    wait_long(NULL);
    return NULL;
}

static void two_threads(void *shared)
{
    pthread_t thread;

    pthread_create(&thread, NULL, second_thread, NULL);
    while (!tid)
        usleep(1000);
    *(volatile int *)shared = tid;
    wait_long(NULL);
}

static long ticks_of(const char *path)
{
    char text[512], *fields;
    long utime, stime;

    REQUIRE(read_file(path, text, sizeof text - 1) > 0);
    fields = strrchr(text, ')');
    REQUIRE(fields);
    REQUIRE(sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %ld %ld", &utime,
                   &stime) == 2);
    return utime + stime;
}

// The time of the whole process, and of each of its threads.
UTEST(proc_task_time, "proc-task-time")
{
    char path[64];
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, second_thread, NULL) == 0);
    while (!tid)
        usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    while (ticks_of("/proc/self/stat") < 40)
        ;
    CHECK(ticks_of(path) < 10); // the thread has only begun
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    CHECK(ticks_of(path) >= 30);
}

// Checks the rights and the name of an area in /proc/self/maps.
static void check_map(const volatile void *addr, const char *rights, const char *name)
{
    static char text[1 << 16];
    char got_rights[8], got_name[64] = "";
    unsigned long start, end;

    REQUIRE(read_file("/proc/self/maps", text, sizeof text - 1) > 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        got_name[0] = '\0';
        REQUIRE(sscanf(line, "%lx-%lx %7s %*x %*x:%*x %*d %63[^\n]", &start, &end, got_rights,
                       got_name) >= 3);
        if ((uintptr_t)addr < start || (uintptr_t)addr >= end)
            continue;
        if (strcmp(got_rights, rights) || strcmp(got_name, name))
            utest_fail(__FILE__, __LINE__, "%s, want %s \"%s\"", line, rights, name);
        return;
    }
    CHECK(!"mapped");
}

static char zeros[1 << 16];

UTEST(proc_maps, "proc-maps")
{
    char self[64] = "";
    void *shared = shared_memory(1), *own = malloc(1 << 20);

    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    check_map((void *)check_map, "r-xp", self);
    check_map(zeros + sizeof zeros / 2, "rw-p", "");
    check_map(own, "rw-p", "");
    check_map(self, "rw-p", "[stack]");
    check_map(shared, "rw-s", "/dev/zero (deleted)");
    free(own);
}

UTEST(proc_task, "proc-task")
{
    volatile int *other = shared_memory(sizeof *other);
    pid_t pid = spawn(two_threads, (void *)other);
    char path[64], text[2048];
    int numbers = 0;

    while (!*other)
        usleep(1000);
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    REQUIRE(dir);
    for (struct dirent *e; (e = readdir(dir));)
        numbers += atoi(e->d_name) == pid || atoi(e->d_name) == *other;
    closedir(dir);
    CHECK_EQ(numbers, 2);
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, *other);
    CHECK_EQ(read_file(path, text, sizeof text - 1), 7);
    CHECK_EQ(strcmp(text, "second\n"), 0);
    CHECK_EQ(ptrace(PTRACE_SEIZE, *other, 0, 0), 0);
    snprintf(path, sizeof path, "/proc/%d/status", *other); // a thread's id is found there
    CHECK(read_file(path, text, sizeof text - 1) > 0);
    CHECK_EQ(field(text, "Tgid:", 10), pid);
    CHECK_EQ(field(text, "\nPid:", 10), *other);
    CHECK_EQ(field(text, "TracerPid:", 10), getpid());
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    CHECK(read_file(path, text, sizeof text - 1) > 0);
    CHECK_EQ(field(text, "TracerPid:", 10), 0);
    snprintf(path, sizeof path, "/proc/%d/task/%d", pid, getpid()); // not a thread of that process
    CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
    snprintf(path, sizeof path, "/proc/%d/task/%d/task", pid, pid);
    CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
    CHECK(open("/proc/thread-self/mem", O_RDONLY) >= 0);
    kill(pid, SIGKILL);
    CHECK_EQ(next_status(*other), SIGKILL);
    CHECK_EQ(wait_for(pid), SIGKILL);
}

UTEST(proc_start, "proc-start")
{
    static unsigned long auxv[128];
    static char text[65536];
    long n = read_file("/proc/self/auxv", auxv, sizeof auxv - 1);

    CHECK(n > 0 && n % 16 == 0);
    for (long i = 0; i < n / 8; i += 2)
        if (auxv[i] == AT_PHDR || auxv[i] == AT_ENTRY || auxv[i] == AT_RANDOM)
            CHECK_EQ(auxv[i + 1], getauxval(auxv[i]));
    CHECK_EQ(auxv[n / 8 - 2], AT_NULL);
    CHECK(read_file("/proc/self/environ", text, sizeof text - 1) > 0);
    CHECK_EQ(strcmp(text, environ[0]), 0);

    pid_t pid = spawn(wait_long, NULL);
    kill(pid, SIGKILL);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    snprintf(text, sizeof text, "/proc/%d/cmdline", pid);
    CHECK_EQ(read_file(text, text, sizeof text - 1), 0);
    waitpid(pid, NULL, 0);
}

static void handler(int)
{
}

UTEST(proc_signals, "proc-signals")
{
    char text[4096];
    sigset_t set;

    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handler);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGTERM);
    kill(getpid(), SIGTERM);
    CHECK(read_file("/proc/self/status", text, sizeof text - 1) > 0);
    CHECK_EQ(field(text, "SigPnd:", 16), 1 << (SIGTERM - 1));
    CHECK_EQ(field(text, "ShdPnd:", 16), 1 << (SIGTERM - 1));
    CHECK_EQ(field(text, "SigBlk:", 16), 1 << (SIGTERM - 1));
    CHECK_EQ(field(text, "SigIgn:", 16) & 1 << (SIGUSR1 - 1), 1 << (SIGUSR1 - 1));
    CHECK_EQ(field(text, "SigCgt:", 16) & 0xfff, 1 << (SIGUSR2 - 1));
}

UTEST(proc_comm, "proc-comm")
{
    char text[32], path[64];
    int fd = open("/proc/self/comm", O_RDWR);

    CHECK_EQ(write(fd, "a name of more than 15", 22), 22);
    CHECK_EQ(prctl(PR_GET_NAME, text), 0);
    CHECK_EQ(strcmp(text, "a name of more "), 0);
    close(fd);
    snprintf(path, sizeof path, "/proc/%d/comm", getppid());
    fd = open(path, O_WRONLY);
    CHECK_ERRNO(write(fd, "x", 1), EINVAL); // only threads of the own process
    close(fd);
}

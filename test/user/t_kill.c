// SIGKILL ends a process in every kind of wait and in every long loop (listed in docs/limits.md).
#include "test/user/utest.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define BOUND_MS   100 // from kill(2) to the wait status
#define TRIES      10  // the quickest counts: the host may be busy
#define GIVE_UP_MS 10000
#define BUSY_NS    30000000 // after this time a process is in the middle of its loop
#define BIG        (8u << 20)
#define MANY       1024

static void for_ever(void)
{
    for (;;)
        pause();
}

// ---- waits ----

static void in_sigsuspend(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigsuspend(&none);
}

static void in_sigwait(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    sigwaitinfo(&all, NULL);
}

static void in_nanosleep(void)
{
    nanosleep(&(struct timespec){1000, 0}, NULL);
}

static void in_clock_nanosleep(void)
{
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){0x7fffffff, 0}, NULL);
}

static void in_pipe_read(void)
{
    struct gate g;
    gate_init(&g);
    gate_wait(&g);
}

static void in_pipe_write(void)
{
    static char page[4096];
    struct gate g;
    gate_init(&g);
    while (write(g.fd[1], page, sizeof page) > 0)
        ;
}

static void in_poll(void)
{
    struct gate g;
    gate_init(&g);
    poll(&(struct pollfd){g.fd[0], POLLIN, 0}, 1, -1);
}

static void in_ppoll(void)
{
    struct gate g;
    sigset_t all;
    gate_init(&g);
    sigfillset(&all);
    ppoll(&(struct pollfd){g.fd[0], POLLIN, 0}, 1, NULL, &all);
}

static void in_select(void)
{
    struct gate g;
    fd_set set;
    gate_init(&g);
    FD_ZERO(&set);
    FD_SET(g.fd[0], &set);
    select(g.fd[0] + 1, &set, NULL, NULL, NULL);
}

static void in_futex(void)
{
    static int word;
    syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void in_futex_bits(void)
{
    static int word;
    syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 1);
}

static void child_pauses(void *)
{
    for_ever();
}

static void in_wait4(void)
{
    wait_for(spawn(child_pauses, NULL));
}

static void in_waitid(void)
{
    siginfo_t info;
    spawn(child_pauses, NULL);
    waitid(P_ALL, 0, &info, WEXITED);
}

static void in_stop(void)
{
    raise(SIGSTOP);
}

static void in_trace_stop(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGUSR1);
}

// The child shares the caller's memory, and stays.
static void in_vfork(void)
{
    if (vfork() == 0)
        for_ever();
}

static void *vforks(void *)
{
    in_vfork();
    return NULL;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, fn, arg) == 0);
    return thread;
}

static void in_exec_beside_vfork(void)
{
    start(vforks, NULL);
    exec_self("pause", "", NULL);
}

static int pauses(void *)
{
    for_ever();
    return 0;
}

static void in_clone_vfork_thread(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    clone(pauses, stack + sizeof stack,
          CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK, NULL);
}

// ---- long loops ----

static char *big(void)
{
    char *p = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(p != MAP_FAILED);
    return p;
}

// The largest request that one call accepts.
static struct iovec *many(char *p)
{
    struct iovec *v = calloc(MANY, sizeof *v);
    for (int i = 0; i < MANY; i++)
        v[i] = (struct iovec){p, BIG};
    return v;
}

static void in_readv(void)
{
    readv(open("/dev/zero", O_RDONLY), many(big()), MANY);
}

static void in_getrandom(void)
{
    getrandom(big(), BIG, 0);
}

static void in_mem_read(void)
{
    char *from = big();
    preadv(open("/proc/self/mem", O_RDONLY), many(big()), 1, (off_t)(uintptr_t)from);
}

static void in_vm_readv(void)
{
    process_vm_readv(getpid(), many(big()), MANY, many(big()), MANY, 0);
}

static void in_vm_writev(void)
{
    process_vm_writev(getpid(), many(big()), MANY, many(big()), MANY, 0);
}

static void *drains(void *fd)
{
    static char page[65536];
    while (read((int)(intptr_t)fd, page, sizeof page) > 0)
        ;
    return NULL;
}

static void in_long_write(void)
{
    struct gate g;
    gate_init(&g);
    start(drains, (void *)(intptr_t)g.fd[0]);
    writev(g.fd[1], many(big()), MANY);
}

// Seven links, each of which names the next one 127 times.
static void in_links(void)
{
    char dir[] = "/tmp/t-kill-XXXXXX", name[2] = "h", text[256];
    struct stat st;
    REQUIRE(mkdtemp(dir) && chdir(dir) == 0 && symlink(".", name) == 0);
    for (name[0] = 'g'; name[0] >= 'a'; name[0]--) {
        for (int i = 0; i < 254; i += 2)
            memcpy(text + i, (char[]){(char)(name[0] + 1), '/'}, 2);
        text[253] = '\0';
        REQUIRE(symlink(text, name) == 0);
    }
    CHECK_ERRNO(stat("a", &st), ELOOP);
    for (name[0] = 'a'; name[0] <= 'h'; name[0]++)
        unlink(name);
    rmdir(dir);
    for (;;)
        stat("/tmp/../tmp/../tmp/..", &st);
}

static void in_fork(void)
{
    memset(big(), 1, BIG);
    for (;;)
        if (fork() == 0)
            _exit(0);
        else
            wait(NULL);
}

static void in_unmap(void)
{
    for (;;) {
        char *p = big();
        memset(p, 1, BIG);
        mprotect(p, BIG, PROT_READ);
        munmap(p, BIG);
    }
}

static void handler(int)
{
}

// Each system call makes a sample, and each sample a signal. The handler returns by a system call,
// so the process does nothing else. Without breakpoints on the kernel it is only a loop.
static void in_own_signals(void)
{
    static char text[1 << 18];
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_X, NULL, sizeof(long));
    const char *symbol = NULL;

    if (on_dr7() && read_text("/proc/kallsyms", text, sizeof text) > 0)
        symbol = strstr(text, " T syscall_dispatch\n");
    CHECK(symbol || !on_dr7());
    attr.bp_addr = symbol ? strtoul(symbol - 16, NULL, 16) : 0;
    attr.sample_period = 1;
    int fd = symbol ? bp_open_attr(&attr, 0, -1) : -1;
    signal(SIGUSR1, handler);
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_SETSIG, SIGUSR1);
    fcntl(fd, F_SETFL, O_ASYNC);
    for (;;)
        getppid();
}

static const struct place {
    const char *name;
    void (*enter)(void); // does not return
    bool busy;           // otherwise it sleeps
} places[] = {
    {"pause", for_ever, false},
    {"sigsuspend", in_sigsuspend, false},
    {"sigwaitinfo", in_sigwait, false},
    {"nanosleep", in_nanosleep, false},
    {"clock_nanosleep", in_clock_nanosleep, false},
    {"read of a pipe", in_pipe_read, false},
    {"write to a pipe", in_pipe_write, false},
    {"poll", in_poll, false},
    {"ppoll", in_ppoll, false},
    {"select", in_select, false},
    {"futex", in_futex, false},
    {"futex with bits", in_futex_bits, false},
    {"wait4", in_wait4, false},
    {"waitid", in_waitid, false},
    {"stop", in_stop, false},
    {"stop of a tracee", in_trace_stop, false},
    {"vfork", in_vfork, false},
    {"exec beside vfork", in_exec_beside_vfork, false},
    {"thread that waits as in vfork", in_clone_vfork_thread, false},
    {"readv", in_readv, true},
    {"getrandom", in_getrandom, true},
    {"read of /proc/self/mem", in_mem_read, true},
    {"process_vm_readv", in_vm_readv, true},
    {"process_vm_writev", in_vm_writev, true},
    {"long write to a pipe", in_long_write, true},
    {"links in links", in_links, true},
    {"fork", in_fork, true},
    {"munmap", in_unmap, true},
    {"signals of its own samples", in_own_signals, true},
};

static char state_of(pid_t pid)
{
    char path[32], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    REQUIRE(read_text(path, text, sizeof text) > 0);
    return strrchr(text, ')')[2];
}

static bool is_there(const struct place *p, pid_t pid)
{
    clockid_t clock;
    if (!p->busy)
        return strchr("SDTt", state_of(pid));
    REQUIRE(clock_getcpuclockid(pid, &clock) == 0);
    return clock_ns(clock) > BUSY_NS;
}

static void enter(void *place)
{
    const struct place *p = place;
    setpgid(0, 0); // killing the group kills all that the child has started
    do
        p->enter();
    while (p->busy);
}

// The time from kill to the end in ms, at most GIVE_UP_MS.
static long time_to_die(const struct place *p)
{
    pid_t pid = spawn(enter, (void *)p);
    int status = 0;
    while (!is_there(p, pid))
        sleep_ms(1);
    uint64_t begin = now_ns();
    kill(pid, SIGKILL);
    long ms = 0;
    while (waitpid(pid, &status, WNOHANG) == 0 && ms < GIVE_UP_MS) {
        sleep_ms(1);
        ms = (long)((now_ns() - begin) / 1000000);
    }
    kill(-pid, SIGKILL);
    if (ms < GIVE_UP_MS)
        CHECK_EQ(status, SIGKILL);
    return ms;
}

UTEST(kill_anywhere, "kill-anywhere")
{
    for (const struct place *p = places; p < places + sizeof places / sizeof *places; p++) {
        long ms = GIVE_UP_MS;
        for (int i = 0; i < TRIES && ms > BOUND_MS; i++)
            ms = time_to_die(p);
        if (ms > BOUND_MS)
            utest_fail(__FILE__, __LINE__, "%s: killed after %ld ms at best", p->name, ms);
    }
}

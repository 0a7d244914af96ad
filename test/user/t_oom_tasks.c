// Memory that runs out in fork, clone, exec, ptrace and signals.
#include "test/user/oom.h"
#include <sched.h>
#include <stddef.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define STACK  16384
#define KEPT   32 // stacks of tasks that have ended: kernel/mm/kstack.c
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static volatile uint64_t word;

// ---- fork ----

static long raw_fork(void)
{
    long pid = syscall(SYS_fork); // the library's fork() makes other calls first

    if (pid == 0)
        syscall(SYS_exit_group, 0);
    return pid;
}

static long make_vfork(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(0);
    return pid;
}

static void reap(long pid)
{
    join((pid_t)pid);
}

static int thread(void *)
{
    return 0;
}

static long clone_with(int flags)
{
    static uint8_t stack[STACK] __attribute__((aligned(16)));

    return clone(thread, stack + STACK, flags, NULL);
}

static long make_thread(void)
{
    return clone_with(THREAD);
}

static long share_files(void)
{
    return clone_with(CLONE_FILES | SIGCHLD);
}

static long share_files_and_memory(void)
{
    return clone_with(CLONE_FILES | CLONE_VM | SIGCHLD);
}

static void wait_for_thread(long)
{
    while (status_number(getpid(), "Threads") > 1)
        sleep_ms(1);
}

static void wait_forever(void *arg)
{
    gate_wait(arg);
}

// Starts as many children as there are kept stacks, so the next child's stack needs new pages.
static void fork_with_new_stack(void)
{
    struct gate gate;
    pid_t child[KEPT];

    gate_init(&gate);
    for (int i = 0; i < KEPT; i++)
        child[i] = spawn(wait_forever, &gate);
    oom_each("fork with a new stack", raw_fork, reap, ENOMEM);
    for (int i = 0; i < KEPT; i++)
        gate_open(&gate);
    for (int i = 0; i < KEPT; i++)
        join(child[i]);
    close(gate.fd[0]), close(gate.fd[1]);
}

static void test_fork(void)
{
    oom_each("fork", raw_fork, reap, ENOMEM);
    oom_each("vfork", make_vfork, reap, ENOMEM);
    oom_each("clone of a thread", make_thread, wait_for_thread, ENOMEM);
    oom_each("clone with the same files", share_files, reap, ENOMEM);
    oom_each("clone with the same files and memory", share_files_and_memory, reap, ENOMEM);
    fork_with_new_stack();
}

// ---- exec: after a failure the caller can try again ----

static void exec_until_it_works(void *)
{
    char number[12];
    int fd = bp_must(HW_BREAKPOINT_W, &word, 8);

    for (int n = 1; n < OOM_TOO_MANY; n++) {
        char *argv[] = {(char *)utest_self, EXEC_MARK, "exit", number, NULL}, *env[] = {NULL};
        snprintf(number, sizeof number, "%d", n % 256);
        store8(&word, 1);
        oom_fail_nth(n);
        syscall(SYS_execve, "/bin/utest", argv, env);
        CHECK_EQ(errno, ENOMEM);
        CHECK(oom_has_failed());
        CHECK_EQ(bp_read(fd), n); // its breakpoint still counts
        if (utest_failures())
            return;
    }
}

// The new program gets its own table of descriptors.
static void exec_with_shared_files(void *)
{
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

    if (pid == 0) {
        exec_until_it_works(NULL);
        _exit(0); // 0 is not a number of attempts
    }
    _exit(WEXITSTATUS(wait_for(pid)));
}

static void check_exec(void (*exec)(void *))
{
    int status = wait_for(spawn(exec, NULL));

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) > 3); // the number of attempts
    oom_add(WEXITSTATUS(status) - 1);
}

static void test_exec(void)
{
    check_exec(exec_until_it_works);
    check_exec(exec_with_shared_files);
}

// ---- ptrace ----

static pid_t tracee;

static long seize(void)
{
    return ptrace(PTRACE_SEIZE, tracee, NULL, NULL);
}

static void release(long)
{
    CHECK_EQ(ptrace(PTRACE_INTERRUPT, tracee, NULL, NULL), 0);
    CHECK_EQ(waitpid(tracee, NULL, 0), tracee);
    CHECK_EQ(ptrace(PTRACE_DETACH, tracee, NULL, NULL), 0);
}

static long *shared_page; // shared with the tracee until one of them writes

static long poke_page(void)
{
    return ptrace(PTRACE_POKEDATA, tracee, shared_page, 5);
}

static long set_debug_register(void)
{
    return ptrace(PTRACE_POKEUSER, tracee, offsetof(struct user, u_debugreg[0]), &word);
}

static void test_tracer(void)
{
    struct gate gate;

    shared_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared_page != MAP_FAILED);
    *shared_page = 1;
    gate_init(&gate);
    tracee = spawn(wait_forever, &gate);
    oom_each("ptrace: SEIZE", seize, release, ENOMEM);
    CHECK_EQ(seize(), 0);
    CHECK_EQ(ptrace(PTRACE_INTERRUPT, tracee, NULL, NULL), 0);
    CHECK_EQ(waitpid(tracee, NULL, 0), tracee);
    oom_each("ptrace: a word of a page that is shared after fork", poke_page, oom_nothing, EIO);
    oom_each("ptrace: the first debug register", set_debug_register, oom_nothing, ENOMEM);
    CHECK_EQ(ptrace(PTRACE_DETACH, tracee, NULL, NULL), 0);
    gate_open(&gate);
    join(tracee);
    close(gate.fd[0]), close(gate.fd[1]);
    CHECK_EQ(*shared_page, 1);
    CHECK_EQ(munmap(shared_page, 4096), 0);
}

static long trace_me(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

// A tracee whose children are traced, too.
static void traced_child(void *)
{
    oom_each("ptrace: TRACEME", trace_me, oom_nothing, ENOMEM);
    raise(SIGSTOP);
    oom_each("fork of a tracee", raw_fork, reap, ENOMEM | OOM_OR_NOT);
}

static void test_tracee(void)
{
    pid_t child = spawn(traced_child, NULL), pid;
    int status;

    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACEFORK), 0);
    CHECK_EQ(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status) && pid == child)
            break;
        int sig = WSTOPSIG(status); // a new child begins with a SIGSTOP; a fork is an event
        if (WIFSTOPPED(status))
            ptrace(PTRACE_CONT, pid, NULL, (long)(sig == SIGSTOP || sig == SIGTRAP ? 0 : sig));
    }
    CHECK_EQ(status, 0);
    oom_add(2);
}

// ---- signals ----

static pid_t self;
static int sig, broken;

// The library's sigqueue() makes other calls first.
static long queue_signal(void)
{
    siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE, .si_pid = self};

    return syscall(SYS_rt_sigqueueinfo, self, sig, &info);
}

static long send_signal(void)
{
    return kill(self, sig);
}

// The kernel itself sends SIGPIPE.
static long write_to_nobody(void)
{
    return write(broken, "x", 1) < 0 && errno == EPIPE ? 0 : -1;
}

static void take_signal(long)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, sig);
    CHECK_EQ(sigwaitinfo(&set, NULL), sig);
}

static void test_signals(void)
{
    sigset_t set, old;
    int ends[2];

    self = getpid();
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, &old);
    sig = SIGUSR1; // without memory it is sent, but its siginfo is lost
    oom_each("a standard signal", queue_signal, take_signal, OOM_OR_NOT);
    oom_each("a standard signal of kill", send_signal, take_signal, OOM_OR_NOT);
    sig = SIGRTMIN;
    oom_each("a queued signal", queue_signal, take_signal, EAGAIN);
    oom_each("a real-time signal of kill", send_signal, take_signal, OOM_OR_NOT);
    sig = SIGPIPE;
    REQUIRE(pipe(ends) == 0);
    close(ends[0]);
    broken = ends[1];
    oom_each("a signal of the kernel", write_to_nobody, take_signal, OOM_OR_NOT);
    close(broken);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void round_of_tasks(void)
{
    test_fork();
    test_exec();
    test_tracer();
    test_tracee();
    test_signals();
}

UTEST_TYPE(oom_tasks, "oom.tasks")
{
    oom_rounds(round_of_tasks);
}

// The program under the debugger.
#include "user/dbg/dbg.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define RF 0x10000 // in eflags: the next instruction hits no breakpoint

pid_t target;
static bool attached;      // the program ran before dbg attached to it
static bool in_vfork;      // its child runs in its memory, so no breakpoint may be there
static int pending_signal; // delivered when it goes on

#define OPTIONS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE)

static int wait_status(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, __WALL) != pid)
        if (errno != EINTR)
            return 0;
    return status;
}

static bool fail(const char *what)
{
    fprintf(stderr, "dbg: %s: %s\n", what, strerror(errno));
    return false;
}

bool target_start(char **argv)
{
    pid_t pid = fork();

    if (pid < 0)
        return fail("fork");
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[0], argv);
        fail(argv[0]);
        _exit(127);
    }
    int status = wait_status(pid);
    if (!WIFSTOPPED(status))
        return false;
    target = pid;
    ptrace(PTRACE_SETOPTIONS, pid, 0, OPTIONS | PTRACE_O_EXITKILL);
    symbols_place(regs_get().rip);
    return true;
}

bool target_attach(pid_t pid)
{
    if (ptrace(PTRACE_ATTACH, pid, 0, 0))
        return fail("attach");
    wait_status(pid);
    ptrace(PTRACE_SETOPTIONS, pid, 0, OPTIONS);
    target = pid;
    attached = true;
    return true;
}

void target_leave(void)
{
    if (!target)
        return;
    if (attached) {
        dr_set(7, 0); // otherwise they stay armed
        ptrace(PTRACE_DETACH, target, 0, pending_signal);
    } else {
        kill(target, SIGKILL);
        wait_status(target);
    }
    target = 0;
}

// ---- memory, a word at a time ----

static bool read_word(uint64_t addr, uint64_t *word)
{
    errno = 0;
    *word = (uint64_t)ptrace(PTRACE_PEEKDATA, target, addr, 0);
    return errno == 0;
}

bool mem_read(uint64_t addr, void *buf, size_t n)
{
    for (size_t done = 0; done < n;) {
        uint64_t word, at = (addr + done) & ~7ull;
        size_t skip = addr + done - at, part = n - done < 8 - skip ? n - done : 8 - skip;
        if (!read_word(at, &word))
            return false;
        memcpy((char *)buf + done, (char *)&word + skip, part);
        done += part;
    }
    return true;
}

bool mem_write(uint64_t addr, const void *buf, size_t n)
{
    for (size_t done = 0; done < n;) {
        uint64_t word, at = (addr + done) & ~7ull;
        size_t skip = addr + done - at, part = n - done < 8 - skip ? n - done : 8 - skip;
        if (!read_word(at, &word))
            return false;
        memcpy((char *)&word + skip, (const char *)buf + done, part);
        if (ptrace(PTRACE_POKEDATA, target, at, word))
            return false;
        done += part;
    }
    return true;
}

// ---- registers ----

struct user_regs_struct regs_get(void)
{
    struct user_regs_struct r = {0};

    ptrace(PTRACE_GETREGS, target, 0, &r);
    return r;
}

bool regs_set(const struct user_regs_struct *r)
{
    return ptrace(PTRACE_SETREGS, target, 0, r) == 0;
}

unsigned long long *reg_named(struct user_regs_struct *r, const char *name)
{
    static const struct {
        const char *name;
        size_t offset;
    } all[] = {
#define REG(x) {#x, offsetof(struct user_regs_struct, x)}
        REG(rax), REG(rbx),    REG(rcx),     REG(rdx),     REG(rsi),      REG(rdi),
        REG(rbp), REG(rsp),    REG(r8),      REG(r9),      REG(r10),      REG(r11),
        REG(r12), REG(r13),    REG(r14),     REG(r15),     REG(rip),      REG(cs),
        REG(ss),  REG(eflags), REG(fs_base), REG(gs_base), REG(orig_rax),
#undef REG
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].name, name) == 0)
            return (unsigned long long *)((char *)r + all[i].offset);
    return NULL;
}

unsigned long dr_get(int n)
{
    return (unsigned long)ptrace(PTRACE_PEEKUSER, target,
                                 offsetof(struct user, u_debugreg) + 8 * (size_t)n, 0);
}

int dr_set(int n, unsigned long value)
{
    size_t offset = offsetof(struct user, u_debugreg) + 8 * (size_t)n;

    return ptrace(PTRACE_POKEUSER, target, offset, value) ? errno : 0;
}

// ---- going on ----

static void ended(int status)
{
    if (WIFEXITED(status))
        printf("program exited with status %d\n", WEXITSTATUS(status));
    else
        printf("program killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    target = 0;
}

// Makes one request. Returns the status of the next stop.
static int resume(int request)
{
    bool with_points = request == PTRACE_CONT && !in_vfork;

    if (with_points)
        points_insert();
    if (ptrace(request, target, 0, pending_signal))
        fail("continue");
    pending_signal = 0;
    int status = wait_status(target);
    if (WIFSTOPPED(status) && with_points)
        points_remove(target);
    return status;
}

// A child has its parent's breakpoints in its text. They must go now, because dbg does not trace
// the child.
static bool forked(int status)
{
    int event = status >> 16;
    unsigned long child;

    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
        ptrace(PTRACE_GETEVENTMSG, target, 0, &child);
        wait_status((pid_t)child);
        points_remove((pid_t)child);
        ptrace(PTRACE_DETACH, (pid_t)child, 0, 0);
    }
    if (event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_VFORK_DONE)
        in_vfork = event == PTRACE_EVENT_VFORK;
    return event;
}

static void tell_place(const char *why)
{
    printf("%s%s\n", why, place_name(regs_get().rip));
}

// Prints the stop if it is for the user. True if so.
static bool told(int status, bool stepped)
{
    bool silent = false;
    int sig = WSTOPSIG(status);
    siginfo_t info;

    if (!WIFSTOPPED(status)) {
        ended(status);
        return true;
    }
    if (forked(status))
        return false;
    if (sig != SIGTRAP) {
        bool group_stop = ptrace(PTRACE_GETSIGINFO, target, 0, &info) != 0;
        pending_signal = group_stop ? 0 : sig;
        printf("%s %d (%s) at %s\n", group_stop ? "stopped by signal" : "signal", sig,
               strsignal(sig), place_name(regs_get().rip));
        return true;
    }
    if (points_explain(&silent))
        return !silent;
    if (!stepped)
        tell_place("trap at ");
    return !stepped;
}

// While one instruction runs, no breakpoint is in the text. A breakpoint in a register must not hit
// again where the program has stopped.
static int step(void)
{
    struct user_regs_struct r = regs_get();

    if (point_is_hard(r.rip)) {
        r.eflags |= RF;
        regs_set(&r);
    }
    return resume(PTRACE_SINGLESTEP);
}

void target_step(long n)
{
    while (n-- > 0)
        if (told(step(), true))
            return;
    tell_place("");
}

void target_continue(void)
{
    uint64_t rip = regs_get().rip;

    if ((point_is_soft(rip) || point_is_hard(rip)) && told(step(), true))
        return;
    while (!told(resume(PTRACE_CONT), false))
        ;
}

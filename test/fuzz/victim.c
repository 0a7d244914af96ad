// The process that makes a round's calls, and the processes that the calls start.
#define _GNU_SOURCE
#include "test/fuzz/fuzz.h"
#include "test/fuzz/raw.h"
#include "test/fuzz/signals.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define STACKS     64
#define STACK_SIZE 65536 // signals come while others are handled
#define PROCESS    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND) // what threads share
#define THREAD     (PROCESS | CLONE_THREAD | CLONE_SYSVSEM)
#define TICK_US    3000 // a signal ends sleeps

volatile int fd_slot[SLOTS], pid_slot[SLOTS];

static uint8_t stacks[STACKS][STACK_SIZE] __attribute__((aligned(16)));
static uint32_t next_stack;

__attribute__((used, noreturn)) static void stream_main(uint64_t stream)
{
    stream_run(stream);
    raw1(SYS_exit, 0);
    __builtin_unreachable();
}

// Starts a thread or process that runs a stream. It always begins on its own stack.
static long start(uint64_t flags, uint64_t parent_tid, uint64_t child_tid, uint64_t tls,
                  uint64_t stream)
{
    uint32_t n = __atomic_fetch_add(&next_stack, 1, __ATOMIC_RELAXED) % STACKS;
    uint64_t *top = (uint64_t *)(stacks[n] + STACK_SIZE) - 1;
    register uint64_t r10 __asm__("r10") = child_tid, r8 __asm__("r8") = tls;
    long result;

    *top = stream;
    __asm__ volatile("syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "xor %%ebp, %%ebp\n"
                     "pop %%rdi\n"
                     "call stream_main\n"
                     "1:\n"
                     : "=a"(result)
                     : "a"(SYS_clone), "D"(flags), "S"(top), "d"(parent_tid), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static void exec_stream(uint64_t stream)
{
    static char *const no_environment[] = {NULL};
    char text[17];
    char *argv[] = {(char *)"/fuzz", (char *)"stream", text, NULL};

    for (int i = 0; i < 16; i++)
        text[i] = "0123456789abcdef"[stream >> (60 - 4 * i) & 15];
    text[16] = '\0';
    raw3(SYS_execve, (uint64_t) "/fuzz", (uint64_t)argv, (uint64_t)no_environment);
}

// ---- one call ----

static uint64_t resolve(const struct call *c, int i, struct rng *r, struct scratch *s)
{
    enum kind kind = c->entry->kind[i];
    uint64_t value = c->arg[i];

    if (value >= SLOTS)
        return value;
    if (kind == FD)
        return (uint64_t)(int64_t)fd_slot[value];
    if (kind == PID || kind == TID)
        return (uint64_t)(int64_t)pid_slot[value];
    if (kind < FIRST_BUFFER)
        return value;
    if (kind == WORD) // a word that others use, too
        return ARENA + 32 * PAGE + value * 4;
    fill(kind, s->slot[value], sizeof s->slot[value], r, s);
    return (uint64_t)s->slot[value];
}

// The runner, and the kernel's own first process, take no part.
static void spare_runner(const struct call *c, uint64_t arg[ARGS])
{
    for (int i = 0; i < ARGS; i++) {
        int value = (int)arg[i];
        enum kind kind = c->entry->kind[i];
        if ((kind == PID || kind == TID) &&
            (value == 1 || value == shared->runner || value == -shared->runner ||
             (value == -1 && c->entry->number == SYS_kill)))
            arg[i] = (uint64_t)pid_slot[0];
    }
    // A file's owner may get any signal, also SIGKILL (F_SETSIG).
    if (c->entry->number == SYS_fcntl && ((int)arg[1] == F_SETOWN || (int)arg[1] == F_SETOWN_EX))
        arg[1] = F_GETOWN;
}

static void keep_result(const struct call *c, long result)
{
    if (result < 0)
        return;
    if (c->entry->result == NEW_FD)
        fd_slot[c->seed % SLOTS] = (int)result;
    else if (c->entry->result == NEW_PID)
        pid_slot[1 + c->seed % (SLOTS - 1)] = (int)result;
}

static void make_call(const struct call *c, uint64_t stream, unsigned index, struct scratch *s)
{
    struct rng r = {c->seed};
    uint64_t a[ARGS];
    long result = 0;

    for (int i = 0; i < ARGS; i++)
        a[i] = resolve(c, i, &r, s);
    spare_runner(c, a);
    switch (c->entry->number) {
    case CALL_SPAWN: // the C library's TLS is not used, so any value is allowed
        result =
            start((a[0] & ~0xfful) | (a[1] & 0xff), a[2], a[3], a[4], stream_child(stream, index));
        break;
    case CALL_EXEC:
        exec_stream(stream_child(stream, index));
        break;
    case CALL_TOUCH:
        touch(a[0] + (a[2] & 0xff), a[1]);
        break;
    case CALL_CONTEXT:
        context_storm(c->seed);
        break;
    case CALL_FAIL:
        raw3(SYS_write, FAIL_FD, (uint64_t) "12345678" + (a[0] & 7), 1);
        break;
    default:
        result = raw(c->entry->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    keep_result(c, result);
}

static bool is_kept(uint64_t stream, unsigned index)
{
    for (uint32_t i = 0; i < shared->nr_kept; i++)
        if (shared->kept[i].stream == stream && shared->kept[i].index == index)
            return true;
    return shared->nr_kept == 0;
}

void stream_run(uint64_t stream)
{
    struct scratch s;
    struct call c;

    for (unsigned i = 0; i < stream_length(stream); i++) {
        if (!is_kept(stream, i))
            continue;
        stream_call(shared->round_seed, stream, i, &c);
        make_call(&c, stream, i, &s);
        __atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
    }
}

// ---- the beginning of a victim ----

static void map(uint64_t page, uint64_t pages, int prot, int flags, int fd)
{
    raw(SYS_mmap, ARENA + page * PAGE, pages * PAGE, (uint64_t)prot, (uint64_t)(flags | MAP_FIXED),
        (uint64_t)fd, 0);
}

static void make_arena(int file, int program)
{
    map(0, 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    map(16, 8, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    map(24, 4, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    map(32, 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1); // 28 to 31: nothing
    map(48, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file);
    map(56, 8, PROT_READ | PROT_EXEC, MAP_PRIVATE, program);
}

static void open_slots(void)
{
    static const char *const paths[] = {"/tmp/a",    "/fuzz",      "/tmp",     "/proc/self/maps",
                                        "/dev/zero", "/proc/hwbp", "/dev/tty", "/proc/self/mem"};
    int ends[2];

    for (int i = 0; i < 8; i++)
        fd_slot[i] = open(paths[i], i ? O_RDONLY : O_RDWR | O_CREAT, 0600);
    for (int i = 8; i < SLOTS; i += 2) {
        if (pipe2(ends, i == 8 ? 0 : O_NONBLOCK))
            ends[0] = ends[1] = -1;
        fd_slot[i] = ends[0], fd_slot[i + 1] = ends[1];
    }
    if (ftruncate(fd_slot[0], 6 * PAGE) == 0)
        make_arena(fd_slot[0], fd_slot[1]);
}

static void know_processes(int self)
{
    for (int i = 0; i < SLOTS; i++)
        pid_slot[i] = i < SLOTS - VICTIMS ? self : shared->victims[i - (SLOTS - VICTIMS)];
}

void victim(int number)
{
    struct itimerval tick = {{0, TICK_US}, {0, TICK_US}};
    uint64_t first = (uint64_t)number * FAMILY;

    shared->victims[number] = getpid();
    setsid();
    open_slots();
    signals_begin();
    know_processes(getpid());
    setitimer(ITIMER_REAL, &tick, NULL);
    for (int i = FAMILY - 1; i > 0; i--)
        pid_slot[i] = (int)start(i < THREADS ? THREAD : SIGCHLD, 0, 0, 0, first + (uint64_t)i);
    stream_main(first);
}

void victim_after_exec(uint64_t stream)
{
    open_slots();
    signals_begin();
    know_processes(getpid());
    stream_main(stream);
}

// Memory: mmap and related calls, brk, copy-on-write, protection.
#include "test/user/utest.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096

static sigjmp_buf fault_exit;
static volatile int fault_signal, fault_code;
static void *volatile fault_addr;

static void on_fault(int sig, siginfo_t *info, void *)
{
    fault_signal = sig;
    fault_code = info->si_code;
    fault_addr = info->si_addr;
    siglongjmp(fault_exit, 1);
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

// Returns the signal of an access to p (0: none), and its si_code in *code. Checks si_addr.
static int touch(volatile char *p, bool write_it, int *code)
{
    fault_signal = fault_code = 0;
    if (sigsetjmp(fault_exit, 1) == 0) {
        if (write_it)
            *p = 1;
        else
            (void)*p;
    } else {
        CHECK(fault_addr == (void *)p);
    }
    *code = fault_code;
    return fault_signal;
}

UTEST(mmap, "mmap")
{
    int code;
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED);
    catch_faults();
    for (int i = 0; i < 4 * PAGE; i += 512)
        CHECK_EQ(p[i], 0);
    memset(p, 0x5a, 4 * PAGE);
    CHECK_EQ(munmap(p + PAGE, PAGE), 0); // a hole
    CHECK_EQ(touch(p + PAGE, false, &code), SIGSEGV);
    CHECK_EQ(code, SEGV_MAPERR);
    CHECK_EQ(p[PAGE - 1], 0x5a);
    CHECK_EQ(p[2 * PAGE], 0x5a);
    char *again = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(again == p + PAGE);
    CHECK_EQ(p[PAGE], 0); // a new page
    CHECK_EQ(munmap(p, 4 * PAGE), 0);
    CHECK_EQ(munmap(p, 4 * PAGE), 0); // unmapping nothing is no error
}

UTEST(mprotect, "mprotect")
{
    int code;
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED);
    catch_faults();
    p[0] = p[PAGE] = p[2 * PAGE] = 7;
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
    CHECK_EQ(touch(p + PAGE, false, &code), 0);
    CHECK_EQ(touch(p + PAGE, true, &code), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    CHECK_EQ(touch(p, true, &code), 0);
    CHECK_EQ(touch(p + 2 * PAGE, true, &code), 0);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_NONE), 0);
    CHECK_EQ(touch(p + PAGE, false, &code), SIGSEGV);
    CHECK_EQ(code, SEGV_ACCERR);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(p[PAGE], 7); // the content stayed
    CHECK_ERRNO(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL);
    CHECK_ERRNO(mprotect(p, PAGE, 1 << 4), EINVAL);
    CHECK_EQ(mprotect(p, 0, 1 << 4), 0);
    munmap(p + PAGE, PAGE);
    CHECK_ERRNO(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
    CHECK_EQ(touch(p, true, &code), SIGSEGV); // the part before the hole has changed
    CHECK_EQ(touch(p + 2 * PAGE, true, &code), 0);
    CHECK_ERRNO(mprotect(p + PAGE, 2 * PAGE, PROT_READ), ENOMEM);
    CHECK_EQ(touch(p + 2 * PAGE, true, &code), 0);
}

UTEST(mmap_errors, "mmap-errors")
{
    int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
    int exe = open("/proc/self/exe", O_RDONLY);

    CHECK_ERRNO((intptr_t)mmap(NULL, 0, rw, anon, -1, 0), EINVAL);
    CHECK_ERRNO((intptr_t)mmap(NULL, PAGE, rw, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO((intptr_t)mmap((void *)4097, PAGE, rw, anon | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERRNO((intptr_t)mmap(NULL, PAGE, rw, MAP_PRIVATE, 77, 0), EBADF);
    CHECK_ERRNO((intptr_t)mmap(NULL, 1ull << 47, rw, anon, -1, 0), ENOMEM);
    CHECK_ERRNO((intptr_t)mmap(NULL, PAGE, rw, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    int fd = open("/tmp/validate", O_RDWR | O_CREAT, 0600);
    CHECK_ERRNO((intptr_t)mmap(NULL, PAGE, rw, MAP_SHARED_VALIDATE | 0x400, fd, 0), EOPNOTSUPP);
    void *valid = mmap(NULL, PAGE, rw, MAP_SHARED_VALIDATE | MAP_POPULATE, fd, 0);
    CHECK_EQ(munmap(valid, PAGE), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(unlink("/tmp/validate"), 0);
    CHECK_ERRNO((intptr_t)mmap(NULL, PAGE, rw, MAP_PRIVATE, exe, -PAGE), EOVERFLOW);
    close(exe);
    CHECK_ERRNO(munmap((void *)1, PAGE), EINVAL);
    CHECK_ERRNO(munmap((void *)PAGE, 0), EINVAL);
    char *p = mmap(NULL, PAGE, rw, anon, -1, 0);
    CHECK_ERRNO((intptr_t)mmap(p, PAGE, rw, anon | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    if (on_dr7()) // W^X
        CHECK_ERRNO((intptr_t)mmap(NULL, PAGE, rw | PROT_EXEC, anon, -1, 0), EACCES);
}

UTEST(madvise, "madvise")
{
    int rw = PROT_READ | PROT_WRITE, exe = open("/proc/self/exe", O_RDONLY);
    char *p = mmap(NULL, 4 * PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *file = mmap(NULL, PAGE, rw, MAP_PRIVATE, exe, 0);

    REQUIRE(p != MAP_FAILED && shared != MAP_FAILED && file != MAP_FAILED);
    CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0); // three areas
    p[0] = p[2 * PAGE] = shared[0] = file[0] = 1;
    CHECK_EQ(madvise(p, 3 * PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(p[0] + p[2 * PAGE], 0);
    CHECK_EQ(madvise(shared, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(shared[0], 1);
    CHECK_EQ(madvise(file, PAGE, MADV_DONTNEED), 0);
    CHECK_EQ(file[0], '\177');
    CHECK_EQ(munmap(p + PAGE, PAGE), 0);
    p[2 * PAGE] = 1;
    CHECK_ERRNO(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM);
    CHECK_EQ(p[2 * PAGE], 0); // the mapped parts are done
    CHECK_ERRNO(madvise(p, 3 * PAGE, MADV_SEQUENTIAL), ENOMEM);
    CHECK_EQ(madvise(p, PAGE, MADV_DONTDUMP), 0);
    CHECK_EQ(madvise(p, PAGE, MADV_FREE), 0); // for anonymous private memory
    CHECK_ERRNO(madvise(shared, PAGE, MADV_FREE), EINVAL);
    CHECK_ERRNO(madvise(file, PAGE, MADV_FREE), EINVAL);
    CHECK_ERRNO(madvise(p, PAGE, 99), EINVAL);
    CHECK_ERRNO(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
    CHECK_EQ(mlock(p, PAGE), 0);
    CHECK_ERRNO(mlock(p, 3 * PAGE), ENOMEM);
    CHECK_ERRNO(msync(p + PAGE, PAGE, MS_SYNC), ENOMEM);
    CHECK_ERRNO(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK_ERRNO((intptr_t)mremap(p + PAGE, PAGE, 2 * PAGE, 0),
                EFAULT); // musl finds the size of its stack by this error
    close(exe);
}

UTEST(brk, "brk")
{
    char *start = (char *)syscall(SYS_brk, 0);
    int code;

    CHECK(start != NULL);
    CHECK_EQ(syscall(SYS_brk, start + 3 * PAGE), (intptr_t)(start + 3 * PAGE));
    for (int i = 0; i < 3 * PAGE; i += 256)
        CHECK_EQ(start[i], 0);
    memset(start, 1, 3 * PAGE);
    CHECK_EQ(syscall(SYS_brk, start), (intptr_t)start);
    CHECK_EQ(syscall(SYS_brk, start + 3 * PAGE), (intptr_t)(start + 3 * PAGE));
    char *page = (char *)(((uintptr_t)start + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    CHECK_EQ(page[0], 0);                                         // shrinking gave the page back
    CHECK_EQ(syscall(SYS_brk, 16), (intptr_t)(start + 3 * PAGE)); // refused: returns the old break
    syscall(SYS_brk, start);
    catch_faults();
    CHECK_EQ(touch(page + PAGE, true, &code), SIGSEGV);
}

struct cow {
    volatile long *private, *shared;
    struct gate written, seen;
};

static void cow_child(void *arg)
{
    struct cow *c = arg;
    gate_wait(&c->written);
    CHECK_EQ(c->private[0], 1);        // the parent's 2 is not visible
    CHECK_EQ(c->private[PAGE / 8], 1); // the parent did not write to this page
    CHECK_EQ(c->shared[0], 2);
    c->private[PAGE / 8] = 3;
    c->shared[1] = 3;
    gate_open(&c->seen);
}

UTEST(cow, "cow")
{
    struct cow c;

    c.private = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    c.shared = shared_memory(PAGE);
    gate_init(&c.written);
    gate_init(&c.seen);
    c.private[0] = c.private[PAGE / 8] = 1;
    pid_t pid = spawn(cow_child, &c);
    c.private[0] = 2;
    c.shared[0] = 2;
    gate_open(&c.written);
    gate_wait(&c.seen);
    CHECK_EQ(c.private[PAGE / 8], 1); // the child's 3 is not visible
    CHECK_EQ(c.shared[1], 3);
    join(pid);
}

// After fork a read-only page stays read-only for both. Pages are copied in every generation.
static void cow_generation(void *arg)
{
    volatile long *p = arg;
    long depth = ++p[0];
    if (depth < 20)
        join(spawn(cow_generation, arg));
    CHECK_EQ(p[0], depth);
}

UTEST(cow_chain, "cow-chain")
{
    static volatile long generation[PAGE / 8];

    join(spawn(cow_generation, (void *)generation));
    CHECK_EQ(generation[0], 0);
}

UTEST(out_of_memory, "out-of-memory")
{
    enum { STEP = 1 << 20 };
    char *p =
        mmap(NULL, 64ull << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    CHECK(p == MAP_FAILED || p[5 * (long)STEP] == 0); // address space without pages
    if (p != MAP_FAILED)
        CHECK_EQ(munmap(p, 64ull << 30), 0);
}

// What tests share: children, gates, shared memory, and questions about the machine.
#include "test/user/utest.h"
#include <cpuid.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>

bool on_dr7(void)
{
    struct utsname name;

    return uname(&name) == 0 && strstr(name.release, "-dr7");
}

// All hypervisors put their name into this leaf of CPUID.
bool on_tcg(void)
{
    unsigned a, words[3];

    __cpuid(0x40000000, a, words[0], words[1], words[2]);
    return memcmp(words, "TCGTCGTCGTCG", sizeof words) == 0;
}

void *bad_pointer(void)
{
    return (void *)16;
}

int online_cpus(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void pin_to_cpu(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    CHECK_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

pid_t spawn(void (*fn)(void *arg), void *arg)
{
    pid_t pid = fork();

    REQUIRE(pid >= 0);
    if (pid == 0) {
        int before = utest_failures();
        fn(arg);
        _exit(utest_failures() > before);
    }
    return pid;
}

int wait_for(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

void join(pid_t pid)
{
    CHECK_EQ(wait_for(pid), 0);
}

void *shared_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED);
    return p;
}

void gate_init(struct gate *g)
{
    REQUIRE(pipe(g->fd) == 0);
}

void gate_open(struct gate *g)
{
    CHECK_EQ(write(g->fd[1], "g", 1), 1);
}

void gate_wait(struct gate *g)
{
    char c;

    REQUIRE(read(g->fd[0], &c, 1) == 1);
}

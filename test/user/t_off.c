// What programs see of a kernel that is built without breakpoints.
#include "test/user/utest.h"
#include "user/trace.h"
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

static void stop(void *)
{
    REQUIRE(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
    raise(SIGSTOP);
}

// A tracee's debug registers read as unset, and cannot be set.
static void check_ptrace(void)
{
    pid_t pid = spawn(stop, NULL);

    CHECK(WIFSTOPPED(wait_for(pid)));
    for (size_t n = 0; n < 8; n++) {
        size_t at = offsetof(struct user, u_debugreg) + 8 * n;
        if (n != 6)
            CHECK_ERRNO(ptrace(PTRACE_POKEUSER, pid, at, 0), EIO);
        if (n < 6)
            CHECK_EQ(ptrace(PTRACE_PEEKUSER, pid, at, 0), 0);
    }
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
    join(pid);
}

UTEST(off, "hwbp-off")
{
    static uint64_t target;
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &target, 8);
    int fd = bp_open_attr(&attr, 0, -1);

    if (fd >= 0)
        utest_skip("this kernel has breakpoints");
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), ENOENT);
    CHECK_ERRNO(bp_open_attr(&attr, -1, 0), ENOENT);
    attr.bp_len = 3; // without the PMU no code checks it
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), ENOENT);
    attr.sample_type = ~0ull; // errors that do not depend on the type come first
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), EINVAL);
    attr = (struct perf_event_attr){.type = PERF_TYPE_SOFTWARE, .size = sizeof attr};
    attr.config = PERF_COUNT_SW_TASK_CLOCK;
    CHECK((fd = bp_open_attr(&attr, 0, -1)) >= 0);
    CHECK(bp_read(fd) > 0);
    close(fd);
    check_ptrace();
    CHECK_ERRNO(open(HWBP_FILE, O_RDONLY), ENOENT);
    CHECK_ERRNO(open(RULES_FILE, O_RDONLY), ENOENT);
    CHECK_ERRNO(write_text(KSYM_FILTER_FILE, "next_tid:rw-"), ENODEV);
}

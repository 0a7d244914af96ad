// The system calls that are made, and the kinds of their arguments.
#define _GNU_SOURCE
#include "test/fuzz/fuzz.h"
#include <sys/syscall.h>

#define CALL(name, weight, ...)            {SYS_##name, weight, #name, {__VA_ARGS__}, DROPPED},
#define MAKES_FD(name, weight, ...)        {SYS_##name, weight, #name, {__VA_ARGS__}, NEW_FD},
#define SPECIAL(number, weight, name, ...) {number, weight, name, {__VA_ARGS__}, DROPPED},

const struct entry table[] = {
    // calls of this program that make several system calls
    {CALL_SPAWN, 8, "spawn", {CLONE_FLAGS, SIGNAL, WORD, WORD, BYTES}, NEW_PID},
    SPECIAL(CALL_EXEC, 2, "exec", PATH) SPECIAL(CALL_TOUCH, 12, "touch", ADDRESS, NUMBER, NUMBER)
        SPECIAL(CALL_CONTEXT, 8, "context", NUMBER) SPECIAL(CALL_FAIL, 6, "fail", COUNT)
    // files
    MAKES_FD(openat, 12, FD, PATH, OPEN_FLAGS, MODE) MAKES_FD(open, 12, PATH, OPEN_FLAGS, MODE)
        MAKES_FD(creat, 2, PATH, MODE) CALL(close, 8, FD) CALL(read, 12, FD, BYTES, LENGTH) CALL(
            write, 12, FD, BYTES, LENGTH) CALL(pread64, 4, FD, BYTES, LENGTH,
                                               NUMBER) CALL(pwrite64, 4, FD, BYTES, LENGTH, NUMBER)
            CALL(readv, 4, FD, VECTOR, COUNT) CALL(writev, 4, FD, VECTOR, COUNT) CALL(
                lseek, 4, FD, NUMBER,
                WHENCE) CALL(ftruncate, 3, FD, LENGTH) CALL(truncate, 2, PATH, LENGTH)
                CALL(ioctl, 16, FD, IOCTL, BYTES) CALL(ioctl, 8, FD, IOCTL, NUMBER) CALL(
                    ioctl, 6, FD, IOCTL,
                    ATTRIBUTES) CALL(getdents64, 4, FD, BYTES, LENGTH)
                    CALL(fstat, 2, FD, BYTES) CALL(fchdir, 2, FD) CALL(fsync, 1, FD) CALL(
                        fchmod,
                        1, FD, MODE) CALL(fchown, 1, FD, NUMBER,
                                          NUMBER) CALL(fstatfs, 1, FD, BYTES)
                        MAKES_FD(dup, 4, FD) MAKES_FD(dup2, 4, FD, FD) MAKES_FD(
                            dup3,
                            2, FD, FD, OPEN_FLAGS) CALL(fcntl, 6, FD, FCNTL, NUMBER)
                            CALL(fcntl, 2, FD, FCNTL, BYTES) CALL(pipe, 4, BYTES) CALL(
                                pipe2, 4, BYTES,
                                OPEN_FLAGS) CALL(statfs, 1, PATH, BYTES)
                                CALL(stat, 2, PATH, BYTES) CALL(lstat, 2, PATH, BYTES) CALL(
                                    newfstatat,
                                    2, FD, PATH,
                                    BYTES, AT_FLAGS) CALL(access, 1, PATH, MODE)
                                    CALL(faccessat, 1, FD, PATH, MODE) CALL(
                                        readlink, 2,
                                        PATH, BYTES,
                                        LENGTH) CALL(readlinkat, 2, FD, PATH, BYTES, LENGTH)
                                        CALL(unlink, 5, PATH) CALL(unlinkat, 5, FD, PATH, AT_FLAGS)
                                            CALL(mkdir, 5, PATH, MODE) CALL(
                                                mkdirat,
                                                3, FD, PATH,
                                                MODE) CALL(symlink, 5, PATH, PATH)
                                                CALL(symlinkat, 3, PATH, FD, PATH) CALL(
                                                    rmdir, 4, PATH) CALL(rename, 6, PATH, PATH)
                                                    CALL(renameat, 3, FD, PATH, FD, PATH) CALL(
                                                        renameat2, 2, FD,
                                                        PATH, FD, PATH,
                                                        NUMBER) CALL(chmod, 1, PATH, MODE)
                                                        CALL(fchmodat, 1, FD, PATH, MODE) CALL(
                                                            chown, 1,
                                                            PATH, NUMBER, NUMBER)
                                                            CALL(fchownat, 1, FD,
                                                                 PATH, NUMBER, NUMBER, AT_FLAGS)
                                                                CALL(utimensat, 2, FD, PATH,
                                                                     TIMESPEC, AT_FLAGS)
                                                                    CALL(getcwd, 2, BYTES, LENGTH)
                                                                        CALL(chdir, 4, PATH) CALL(
                                                                            poll, 4,
                                                                            POLL, COUNT,
                                                                            COUNT)
                                                                            CALL(ppoll, 4, POLL,
                                                                                 COUNT,
                                                                                 TIMESPEC, SIGSET,
                                                                                 SIGSET_SIZE)
                                                                                CALL(select, 3,
                                                                                     COUNT, SIGSET,
                                                                                     SIGSET, SIGSET,
                                                                                     TIMESPEC)
                                                                                    CALL(pselect6,
                                                                                         3, COUNT,
                                                                                         SIGSET,
                                                                                         SIGSET,
                                                                                         SIGSET,
                                                                                         TIMESPEC,
                                                                                         VECTOR)
    // perf
    MAKES_FD(perf_event_open, 40, ATTRIBUTES, PID, CPU, FD, PERF_FLAGS)
    // memory
    CALL(mmap, 20, ADDRESS, PAGES, PROT, MAP_FLAGS, FD, PAGES)
        CALL(mprotect, 10, ADDRESS, PAGES, PROT) CALL(munmap, 8, ADDRESS, PAGES)
            CALL(brk, 3, NUMBER) CALL(mremap, 8, ADDRESS, PAGES, PAGES, REMAP_FLAGS, ADDRESS)
                CALL(madvise, 5, ADDRESS, PAGES, ADVICE) CALL(msync, 2, ADDRESS, PAGES, NUMBER)
                    CALL(mlock, 1, ADDRESS, PAGES) CALL(munlock, 1, ADDRESS, PAGES)
    // processes
    CALL(exit, 1, NUMBER) CALL(exit_group, 1, NUMBER) CALL(wait4, 6, PID, BYTES, WAIT_OPTIONS,
                                                           BYTES) CALL(waitid, 6, ID_TYPE, PID,
                                                                       BYTES, WAIT_OPTIONS, BYTES)
        CALL(getpgid, 1, PID) CALL(setpgid, 3, PID, PID) CALL(getsid, 1, PID) CALL(
            setsid, 2, NOTHING) CALL(ptrace, 30, PTRACE_REQUEST, TID, BYTES, BYTES)
            CALL(ptrace, 10, PTRACE_REQUEST, TID, NUMBER,
                 NUMBER) CALL(ptrace, 10, PTRACE_REQUEST, TID, NUMBER,
                              VECTOR) CALL(ptrace, 10, PTRACE_REQUEST, TID, NUMBER, REGISTERS)
                CALL(process_vm_readv, 4, PID, VECTOR, COUNT, REMOTE_VECTOR, COUNT,
                     NUMBER) CALL(process_vm_writev, 4, PID, VECTOR, COUNT, REMOTE_VECTOR, COUNT,
                                  NUMBER) CALL(setresuid, 1, NUMBER, NUMBER, NUMBER)
                    CALL(getresuid, 1, BYTES, BYTES, BYTES) CALL(umask, 1, MODE)
                        CALL(set_tid_address, 2, WORD) CALL(set_robust_list, 2, BYTES, LENGTH)
                            CALL(get_robust_list, 2, TID, BYTES, BYTES) CALL(getgroups, 1, NUMBER,
                                                                             BYTES)
                                CALL(futex, 12, WORD, FUTEX_OP, NUMBER, TIMESPEC, WORD, NUMBER)
                                    CALL(arch_prctl, 2, ARCH_PRCTL, BYTES)
                                        CALL(prctl, 3, PRCTL, BYTES) CALL(prctl, 1, PRCTL, SIGNAL)
                                            CALL(getrusage, 2, NUMBER, BYTES) CALL(times, 1, BYTES)
                                                CALL(prlimit64, 4, PID, COUNT, TIMESPEC, BYTES)
    // signals
    CALL(rt_sigaction, 10, SIGNAL, SIGACTION, BYTES, SIGSET_SIZE)
        CALL(rt_sigprocmask, 5, COUNT, SIGSET, BYTES, SIGSET_SIZE) CALL(rt_sigreturn, 1, NOTHING)
            CALL(rt_sigpending, 1, BYTES, SIGSET_SIZE)
                CALL(rt_sigtimedwait, 3, SIGSET, BYTES, TIMESPEC, SIGSET_SIZE)
                    CALL(rt_sigsuspend, 2, SIGSET, SIGSET_SIZE)
                        CALL(sigaltstack, 5, ALTSTACK, BYTES) CALL(kill, 6, PID, SIGNAL)
                            CALL(tkill, 6, TID, SIGNAL) CALL(tgkill, 4, PID, TID, SIGNAL)
                                CALL(rt_sigqueueinfo, 4, PID, SIGNAL, SIGINFO)
                                    CALL(rt_tgsigqueueinfo, 4, PID, TID, SIGNAL, SIGINFO)
                                        CALL(pause, 1, NOTHING)
    // time
    CALL(clock_gettime, 1, CLOCK, BYTES) CALL(clock_getres, 1, CLOCK, BYTES)
        CALL(clock_nanosleep, 3, CLOCK, TIMER_FLAGS, TIMESPEC, BYTES)
            CALL(nanosleep, 3, TIMESPEC, BYTES) CALL(restart_syscall, 2, NOTHING)
                CALL(gettimeofday, 1, BYTES, BYTES) CALL(time, 1, BYTES)
                    CALL(getitimer, 1, COUNT, BYTES) CALL(setitimer, 4, COUNT, TIMER, BYTES)
                        CALL(alarm, 1, COUNT)
    // scheduling and the system
    CALL(sched_yield, 4, NOTHING) CALL(sched_setaffinity, 5, TID, LENGTH, CPUS)
        CALL(sched_getaffinity, 1, TID, LENGTH, BYTES) CALL(getcpu, 1, BYTES, BYTES)
            CALL(uname, 1, BYTES) CALL(sysinfo, 1, BYTES) CALL(getrandom, 3, BYTES, LENGTH, NUMBER)
    // missing in dr7
    CALL(socket, 1, NUMBER, NUMBER, NUMBER)};

const size_t table_size = sizeof table / sizeof *table;

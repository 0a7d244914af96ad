// The system calls of this folder (those on files: kernel/fs/syscalls.h) and Linux's numbers.
// Pointers of the program are u64; every result is the value or -errno.
#pragma once

#include "arch/x86/types.h"

struct trapframe;

// clang-format off
enum {
    SYS_read = 0, SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_stat = 4, SYS_fstat = 5,
    SYS_lstat = 6, SYS_poll = 7, SYS_lseek = 8, SYS_mmap = 9, SYS_mprotect = 10, SYS_munmap = 11,
    SYS_brk = 12, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14, SYS_rt_sigreturn = 15,
    SYS_ioctl = 16, SYS_pread64 = 17, SYS_pwrite64 = 18, SYS_readv = 19, SYS_writev = 20,
    SYS_access = 21, SYS_pipe = 22, SYS_select = 23, SYS_sched_yield = 24, SYS_mremap = 25,
    SYS_msync = 26, SYS_madvise = 28, SYS_dup = 32, SYS_dup2 = 33, SYS_pause = 34,
    SYS_nanosleep = 35, SYS_getitimer = 36, SYS_alarm = 37, SYS_setitimer = 38, SYS_getpid = 39,
    SYS_sendfile = 40, SYS_clone = 56, SYS_fork = 57, SYS_vfork = 58, SYS_execve = 59,
    SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62, SYS_uname = 63, SYS_fcntl = 72, SYS_fsync = 74,
    SYS_fdatasync = 75, SYS_truncate = 76, SYS_ftruncate = 77, SYS_getcwd = 79, SYS_chdir = 80,
    SYS_fchdir = 81, SYS_rename = 82, SYS_mkdir = 83, SYS_rmdir = 84, SYS_creat = 85,
    SYS_unlink = 87, SYS_symlink = 88, SYS_readlink = 89, SYS_chmod = 90, SYS_fchmod = 91,
    SYS_chown = 92, SYS_fchown = 93, SYS_umask = 95, SYS_gettimeofday = 96, SYS_getrlimit = 97,
    SYS_getrusage = 98, SYS_sysinfo = 99, SYS_times = 100, SYS_ptrace = 101, SYS_getuid = 102,
    SYS_getgid = 104, SYS_setuid = 105, SYS_setgid = 106, SYS_geteuid = 107, SYS_getegid = 108,
    SYS_setpgid = 109, SYS_getppid = 110, SYS_getpgrp = 111, SYS_setsid = 112, SYS_setreuid = 113,
    SYS_setregid = 114, SYS_getgroups = 115, SYS_setresuid = 117, SYS_getresuid = 118,
    SYS_setresgid = 119, SYS_getresgid = 120, SYS_getpgid = 121, SYS_getsid = 124,
    SYS_rt_sigpending = 127, SYS_rt_sigtimedwait = 128, SYS_rt_sigqueueinfo = 129,
    SYS_rt_sigsuspend = 130, SYS_sigaltstack = 131, SYS_statfs = 137, SYS_fstatfs = 138,
    SYS_mlock = 149, SYS_munlock = 150, SYS_mlockall = 151, SYS_munlockall = 152, SYS_prctl = 157,
    SYS_arch_prctl = 158, SYS_setrlimit = 160, SYS_sync = 162, SYS_reboot = 169, SYS_gettid = 186,
    SYS_tkill = 200, SYS_time = 201, SYS_futex = 202, SYS_sched_setaffinity = 203,
    SYS_sched_getaffinity = 204, SYS_getdents64 = 217, SYS_set_tid_address = 218,
    SYS_restart_syscall = 219, SYS_clock_gettime = 228, SYS_clock_getres = 229,
    SYS_clock_nanosleep = 230, SYS_exit_group = 231, SYS_tgkill = 234, SYS_waitid = 247,
    SYS_openat = 257, SYS_mkdirat = 258, SYS_fchownat = 260, SYS_newfstatat = 262,
    SYS_unlinkat = 263, SYS_renameat = 264, SYS_symlinkat = 266, SYS_readlinkat = 267,
    SYS_fchmodat = 268, SYS_faccessat = 269, SYS_pselect6 = 270, SYS_ppoll = 271,
    SYS_set_robust_list = 273, SYS_get_robust_list = 274, SYS_utimensat = 280, SYS_dup3 = 292,
    SYS_pipe2 = 293, SYS_rt_tgsigqueueinfo = 297, SYS_perf_event_open = 298, SYS_prlimit64 = 302,
    SYS_getcpu = 309, SYS_process_vm_readv = 310, SYS_process_vm_writev = 311, SYS_renameat2 = 316, SYS_getrandom = 318, SYS_rseq = 334, SYS_clone3 = 435,
};
// clang-format on

// fork.c, exec.c, exit.c, wait.c
s64 sys_fork(struct trapframe *f);
s64 sys_vfork(struct trapframe *f);
s64 sys_clone(struct trapframe *f, u64 flags, u64 stack, u64 ptid, u64 ctid, u64 tls);
s64 sys_execve(struct trapframe *f, u64 upath, u64 uargv, u64 uenvp);
s64 sys_exit(int status);
s64 sys_exit_group(int status);
s64 sys_wait4(s32 pid, u64 ustatus, u32 options, u64 urusage);
s64 sys_waitid(int type, u32 id, u64 uinfo, u32 options, u64 urusage);
s64 sys_process_vm_readv(s32 pid, u64 ulocal, u64 locals, u64 uremote, u64 remotes, u64 flags);
s64 sys_process_vm_writev(s32 pid, u64 ulocal, u64 locals, u64 uremote, u64 remotes, u64 flags);

// signal_calls.c, signal_frame.c; `sp` is the program's stack pointer
s64 sys_rt_sigaction(int sig, u64 unew, u64 uold, u64 set_size);
s64 sys_rt_sigprocmask(int how, u64 unew, u64 uold, u64 set_size);
s64 sys_rt_sigpending(u64 uset, u64 set_size);
s64 sys_rt_sigsuspend(u64 uset, u64 set_size);
s64 sys_rt_sigtimedwait(u64 uset, u64 uinfo, u64 utimeout, u64 set_size);
s64 sys_rt_sigreturn(struct trapframe *f);
s64 sys_sigaltstack(u64 unew, u64 uold, u64 sp);
s64 sys_pause(void);
s64 sys_kill(s32 pid, int sig);
s64 sys_tgkill(s32 tgid, s32 tid, int sig);
s64 sys_tkill(s32 tid, int sig);
s64 sys_rt_sigqueueinfo(s32 pid, int sig, u64 uinfo);
s64 sys_rt_tgsigqueueinfo(s32 tgid, s32 tid, int sig, u64 uinfo);

// memory.c
s64 sys_mmap(u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 offset);
s64 sys_munmap(u64 addr, u64 len);
s64 sys_mremap(u64 addr, u64 len, u64 new_len, u64 flags, u64 to);
s64 sys_mprotect(u64 addr, u64 len, u32 prot);
s64 sys_brk(u64 brk);
s64 sys_madvise(u64 addr, u64 len, int advice);
s64 sys_msync(u64 addr, u64 len, int flags);
s64 sys_mlock(u64 addr, u64 len);

// syscall.c. Test aid of debug builds (/proc/sys/kernel/fail_nth): the nth allocation in the
// running task's next system call fails. After that call: how many allocations short of it the call
// was, 0 when the failure has happened.
void syscall_fail_nth(u64 nth);
u64 syscall_fail_left(void);

// time.c, itimer.c, poll.c, futex.c
s64 sys_clock_gettime(int clock, u64 uts);
s64 sys_clock_getres(int clock, u64 uts);
s64 sys_clock_nanosleep(int clock, int flags, u64 uwhen, u64 urem);
s64 sys_nanosleep(u64 uwhen, u64 urem);
s64 sys_restart_syscall(void);
s64 sys_gettimeofday(u64 utv, u64 utz);
s64 sys_time(u64 utime);
s64 sys_getitimer(int which, u64 uold);
s64 sys_setitimer(int which, u64 unew, u64 uold);
s64 sys_alarm(u32 seconds);
s64 sys_poll(u64 ufds, u32 n, int timeout_ms);
s64 sys_ppoll(u64 ufds, u32 n, u64 utimeout, u64 umask, u64 set_size);
s64 sys_select(int n, u64 uread, u64 uwrite, u64 uexcept, u64 utimeout);
s64 sys_pselect6(int n, u64 uread, u64 uwrite, u64 uexcept, u64 utimeout, u64 usigmask);
s64 sys_futex(u64 addr, u32 op, u32 value, u64 utimeout, u64 addr2, u32 bits);

// ids.c, affinity.c
s64 sys_getppid(void);
s64 sys_setpgid(s32 pid, s32 pgid);
s64 sys_getpgid(s32 pid);
s64 sys_getsid(s32 pid);
s64 sys_setsid(void);
s64 sys_umask(u32 mask);
s64 sys_setresuid(u32 real, u32 effective, u32 saved); // every id is 0 and stays so
s64 sys_getresuid(u64 ureal, u64 ueffective, u64 usaved);
s64 sys_set_tid_address(u64 addr);
s64 sys_set_robust_list(u64 head, u64 size);
s64 sys_get_robust_list(s32 tid, u64 uhead, u64 usize);
s64 sys_sched_setaffinity(s32 tid, u32 size, u64 umask);
s64 sys_sched_getaffinity(s32 tid, u32 size, u64 umask);
s64 sys_getcpu(u64 ucpu, u64 unode);

// misc.c
s64 sys_uname(u64 ubuf);
enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004 };
s64 sys_arch_prctl(int code, u64 addr);
s64 sys_prctl(int option, u64 arg);
s64 sys_getrusage(int who, u64 uusage);
s64 sys_times(u64 utimes);
s64 sys_prlimit64(s32 pid, u32 resource, u64 unew, u64 uold);
s64 sys_sysinfo(u64 uinfo);
s64 sys_getrandom(u64 ubuf, u64 n, u32 flags);
s64 sys_reboot(u32 magic1, u32 magic2, u32 command);

// The system calls of this folder, and the numbers of all system calls. Those on files are in
// linux/fs/syscalls.h. Pointers of the program are u64. Every result is a value or -errno. Task
// context, no locks.
#pragma once

#include <syscall_numbers.h> // Linux's numbers (Makefile)

#include "arch/x86/types.h"

struct trapframe;

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
s64 sys_arch_prctl(int code, u64 addr);
s64 sys_prctl(int option, u64 arg);
s64 sys_getrusage(int who, u64 uusage);
s64 sys_times(u64 utimes);
s64 sys_prlimit64(s32 pid, u32 resource, u64 unew, u64 uold);
s64 sys_sysinfo(u64 uinfo);
s64 sys_reboot(u32 magic1, u32 magic2, u32 command);

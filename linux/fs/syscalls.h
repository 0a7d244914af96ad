// The system calls on files. User pointers are u64. Every result is a value or -errno. If a call
// works on an open file, the table of system calls has found the file (linux/proc/syscall.c). Task
// context, no locks.
#pragma once

#include "linux/base/mutex.h"
#include "linux/fs/file.h"

#define RW_MAX  0x7ffff000u // the most bytes that one call moves, as on Linux (read(2), NOTES)
#define IOV_MAX 1024
struct iovec {
    u64 base, len;
};

s64 sys_read(struct file *f, u64 ubuf, size_t n);
s64 sys_write(struct file *f, u64 ubuf, size_t n);
s64 sys_pread64(struct file *f, u64 ubuf, size_t n, s64 pos);
s64 sys_pwrite64(struct file *f, u64 ubuf, size_t n, s64 pos);
s64 sys_readv(struct file *f, u64 uiov, int count);
s64 sys_writev(struct file *f, u64 uiov, int count);
s64 sys_lseek(struct file *f, s64 off, int whence);
s64 sys_ftruncate(struct file *f, s64 size);
s64 sys_ioctl(struct file *f, u32 cmd, u64 arg, int fd);
s64 sys_getdents64(struct file *f, u64 ubuf, size_t n);
s64 sys_fstat(struct file *f, u64 ustat);
s64 sys_fchdir(struct file *f);
s64 sys_fsync(struct file *f);
s64 sys_fchmod(struct file *f, u32 mode);
s64 sys_fchown(struct file *f, u32 uid, u32 gid);
s64 sys_fstatfs(struct file *f, u64 ubuf);
s64 sys_dup(struct file *f);
s64 sys_dup3(struct file *f, int fd, int to, u32 flags);
s64 sys_dup2(struct file *f, int fd, int to);
s64 sys_fcntl(struct file *f, int fd, int cmd, u64 arg);

s64 sys_openat(int dirfd, u64 upath, u32 flags, u32 mode);
s64 sys_pipe2(u64 ufds, u32 flags);
s64 sys_eventfd2(u32 value, u32 flags);
s64 sys_newfstatat(int dirfd, u64 upath, u64 ustat, int flags);
s64 sys_faccessat(int dirfd, u64 upath, int mode);
s64 sys_readlinkat(int dirfd, u64 upath, u64 ubuf, s64 size);
s64 sys_unlinkat(int dirfd, u64 upath, int flags);
s64 sys_mkdirat(int dirfd, u64 upath, u32 mode);
s64 sys_symlinkat(u64 utext, int dirfd, u64 upath);
s64 sys_renameat(int dirfd, u64 upath, int to_dirfd, u64 to_upath);
s64 sys_truncate(u64 upath, s64 size);
s64 sys_fchmodat(int dirfd, u64 upath, u32 mode); // every program is root: only stat(2) shows it
s64 sys_fchownat(int dirfd, u64 upath, u32 uid, u32 gid, int flags);
s64 sys_utimensat(int dirfd, u64 upath, u64 utimes, int flags);
s64 sys_statfs(u64 upath, u64 ubuf);
s64 sys_getcwd(u64 ubuf, size_t size);
s64 sys_chdir(u64 upath);

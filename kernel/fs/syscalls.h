// The system calls on files. User pointers are u64; every result is the value or -errno. They work
// on the descriptors and the working directory of the running process (kernel/proc/process.h).
#pragma once

#include "kernel/fs/file.h"

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR        0x200
#define AT_EMPTY_PATH       0x1000

s64 sys_read(int fd, u64 ubuf, size_t n);
s64 sys_write(int fd, u64 ubuf, size_t n); // -EPIPE: the caller raises SIGPIPE
s64 sys_pread64(int fd, u64 ubuf, size_t n, s64 pos);
s64 sys_pwrite64(int fd, u64 ubuf, size_t n, s64 pos);
s64 sys_readv(int fd, u64 uiov, int count);
s64 sys_writev(int fd, u64 uiov, int count); // -EPIPE as in write
s64 sys_lseek(int fd, s64 off, int whence);
s64 sys_ftruncate(int fd, s64 size);
s64 sys_ioctl(int fd, u32 cmd, u64 arg);
s64 sys_getdents64(int fd, u64 ubuf, size_t n);

s64 sys_open(u64 upath, u32 flags, u32 mode);
s64 sys_openat(int dirfd, u64 upath, u32 flags, u32 mode);
s64 sys_close(int fd);
s64 sys_pipe2(u64 ufds, u32 flags); // pipe(2) is flags 0
s64 sys_dup(int fd);
s64 sys_dup2(int fd, int to);
s64 sys_dup3(int fd, int to, u32 flags);
s64 sys_fcntl(int fd, int cmd, u64 arg);

s64 sys_fstat(int fd, u64 ustat);
s64 sys_newfstatat(int dirfd, u64 upath, u64 ustat,
                   int flags); // stat and lstat are AT_FDCWD with flags 0 and NOFOLLOW
s64 sys_faccessat(int dirfd, u64 upath, int mode);         // access is AT_FDCWD
s64 sys_readlinkat(int dirfd, u64 upath, u64 ubuf, s64 n); // readlink is AT_FDCWD
s64 sys_unlinkat(int dirfd, u64 upath, int flags);         // unlink is AT_FDCWD, flags 0
s64 sys_getcwd(u64 ubuf, size_t n);
s64 sys_chdir(u64 upath);
s64 sys_fchdir(int fd);

// What programs see of files: Linux's x86-64 structures (stat(2), getdents64(2)) and numbers.
#pragma once

#include "arch/x86/types.h"

// A moment, counted from the beginning of 1970. Before 1970 `sec` is negative, and `nsec` still
// counts forwards.
struct file_time {
    s64 sec, nsec;
};

struct stat {
    u64 st_dev;
    u64 st_ino;
    u64 st_nlink;
    u32 st_mode;
    u32 st_uid;
    u32 st_gid;
    u32 st_pad;
    u64 st_rdev;
    s64 st_size;
    s64 st_blksize;
    s64 st_blocks; // in units of 512 bytes
    struct file_time st_atime, st_mtime, st_ctime;
    s64 st_unused[3];
};
_Static_assert(sizeof(struct stat) == 144, "stat is the ABI's");

// statfs(2)
struct statfs {
    u64 type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct statfs) == 120, "statfs is the ABI's");

struct dirent64 {
    u64 d_ino;
    s64 d_off; // the position after this entry; in dr7 its inode number
    u16 d_reclen;
    u8 d_type; // the file type in st_mode, shifted right by 12
    char d_name[];
} __packed;
_Static_assert(sizeof(struct dirent64) == 19, "dirent64 is the ABI's");

// One name of a directory inside the kernel.
struct dir_entry {
    u64 ino;
    u32 mode;
    char name[16]; // such names are numbers
};

enum { SEEK_SET, SEEK_CUR, SEEK_END };

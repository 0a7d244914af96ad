// Pipes: 64 KiB between two files.
#pragma once

#include "linux/fs/file.h"

#define PIPE_SIZE (64u << 10)
#define PIPE_BUF  4096u // a write of at most this many bytes goes in as a whole (pipe(7))

// How many pages all pipes together may have (linux/fs/sysctl.c).
extern u64 pipe_pages_max;

// Makes both ends with `flags` (O_NONBLOCK or 0). ends[0] is to read from, ends[1] to write to. 0,
// -ENOMEM, or -ENFILE: there are too many pipes or files. Task context.
int pipe_new(struct file *ends[2], u32 flags);

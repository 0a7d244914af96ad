// Pipes: 64 KiB between two files.
#pragma once

#include "linux/fs/file.h"

#define PIPE_SIZE (64u << 10)
#define PIPE_BUF  4096u // writes up to this size go in whole

// Makes both ends, [0] to read from, with `flags` (O_NONBLOCK or 0). 0 or -ENOMEM.
int pipe_new(struct file *ends[2], u32 flags);

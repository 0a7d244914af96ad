// O_ASYNC: a signal when a file has become ready, and who gets it (fcntl(2)).
#pragma once

#include "linux/fs/file.h"

// F_SETOWN, F_SETSIG, ... 0 or more, or -errno (-EINVAL: none of these commands).
s64 file_async_fcntl(struct file *f, int cmd, u64 arg);
// O_ASYNC switched on or off by F_SETFL on this descriptor.
void file_set_async(struct file *f, bool on, int fd);
// Sends the signal: data has come, or (hangup) nothing will come any more. Task context; preemption
// may be off.
void file_signal(const struct file *f, bool hangup);

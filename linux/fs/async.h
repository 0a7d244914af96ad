// O_ASYNC: the file's owner gets a signal when the file has become ready (fcntl(2)).
#pragma once

#include "linux/fs/file.h"

// fcntl(2)'s commands F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG and their like. 0 or more, or -errno.
// -EINVAL for any other command. Task context.
s64 file_async_fcntl(struct file *f, int cmd, u64 arg);
// F_SETFL on this descriptor has switched O_ASYNC on or off. Task context.
void file_set_async(struct file *f, bool on, int fd);
// Sends the signal to the owner: data has come, or, with `hangup`, nothing will come any more. Task
// context. Preemption may be off.
void file_signal(const struct file *f, bool hangup);

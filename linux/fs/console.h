// The console as a terminal, with line editing, echo, signals from keys, and ioctls. With "tty=raw"
// on the command line it is a plain pair of byte streams.
#pragma once

#include "linux/fs/vfs.h"

// Bytes that are typed before the console is opened for the first time are dropped.
extern const struct file_ops console_ops;

// At boot. Returns the mode of the console's nodes: a character device, or a pipe with "tty=raw".
u32 console_init(void);
// The process group that gets the signals of keys like ^C, or 0: none yet. Any context.
u32 console_foreground(void);
void console_set_foreground(u32 pgrp);
// The handler of the serial line's interrupt: bytes wait there. IRQs off.
void console_serial_input(void);
// Wakes all tasks that wait for input, after console_wake_rest() (linux/fs/upcalls.h). Task
// context.
void console_wake(void);

// The console as a terminal: line editing, echo, signals from keys, ioctls; or, with "tty=raw" on
// the command line, a plain pair of byte streams.
#pragma once

#include "linux/fs/vfs.h"

// Until the console is opened for the first time, what is typed is dropped.
extern const struct file_ops console_ops;

// At boot. The mode of its nodes: a character device or, raw, a pipe.
u32 console_init(void);
// The process group whose members keys like ^C signal; 0: none yet. Any context.
u32 console_foreground(void);
void console_set_foreground(u32 pgrp);
// Bytes wait at the serial line. IRQs off.
void console_serial_input(void);

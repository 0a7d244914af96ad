// The console as a terminal: line editing, echo, signals from keys, ioctls; or, with "tty=raw" on
// the command line, a plain pair of byte streams.
#pragma once

#include "kernel/fs/vfs.h"

// Opening a node with these ops opens the console. Until the first time, what is typed is dropped.
extern const struct node_ops console_node_ops;

// The process group whose members keys like ^C signal; 0: none yet. Any context.
u32 console_foreground(void);
void console_set_foreground(u32 pgrp);

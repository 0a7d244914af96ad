// /proc: small generated texts, and directories for processes.
#pragma once

#include "kernel/fs/vfs.h"

// A text under construction. What does not fit is cut off; len == size then tells so.
struct text {
    char *buf;
    size_t size, len;
};
void text_add(struct text *t, const char *fmt, ...) __printf(2, 3);

// One generated file. Nodes of such files have it in `arg`.
struct proc_file {
    const char *name;
    // Writes the text to buf and returns its length, size when it did not fit: it is called again
    // with more room.
    size_t (*show)(struct node *n, char *buf, size_t size);
    // What a program wrote, in one piece with a NUL behind. n or -errno. NULL: read-only.
    ssize_t (*store)(const char *text, size_t n);
};

extern const struct node_ops proc_file_ops;
// At boot: such a file in a directory. The new node.
struct node *procfs_add(struct node *dir, const struct proc_file *kind);

// The directories of processes and kernel threads (proc_pid.c).
extern const struct node_ops proc_root_ops; // of /proc itself
extern const struct node_ops proc_self_ops; // of the link /proc/self

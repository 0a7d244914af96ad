// Generated files: small texts below /proc and /sys, and directories for processes.
#pragma once

#include "kernel/base/printk.h"
#include "linux/fs/vfs.h"

// One generated file: what the nodes of such files have as their data. `arg` is the node's: 0, or
// which process or CPU it is about.
struct gen_file {
    const char *name;
    // Writes the text. When it does not fit, it is called again with more room.
    void (*show)(struct text *t, u64 arg);
    // What a program wrote in one piece, without the newline. 0 or -errno. NULL: read-only.
    int (*store)(const char *text, u64 arg);
    void (*clear)(void); // truncated, as by opening with O_TRUNC; NULL: that does nothing
};

// Makes a node be a generated file.
void gen_init(struct node *n, const struct gen_file *kind, u64 arg);
// At boot: a generated file in this directory.
void gen_add(struct node *dir, const struct gen_file *kind, u64 arg);

// The kernel's trace as files of this directory (trace_files.c).
void trace_files_add(struct node *dir);

// The directories of processes and kernel threads (proc_pid.c).
extern const struct node_ops proc_root_ops;                       // of /proc itself
extern const struct node_ops proc_self_ops, proc_thread_self_ops; // of the links /proc/self ...
// The memory of a process, with a reference, or NULL: there is none, or it has none any more.
struct mm *proc_mm(u32 pid);
// /proc/PID/mem; node->arg is the pid (proc_mem.c).
extern const struct file_ops proc_mem_ops;

// Generated files: small texts below /proc and /sys, and directories for processes.
#pragma once

#include "linux/fs/vfs.h"
#include "linux/sched/trace.h"

#define PAGE_KB ((unsigned long)PAGE_SIZE / 1024) // memory in these texts is in kB

// Records that stand after the text of a file. They may come while the file is read. Task context.
struct gen_records {
    // Adds the next records for this reader, in whole lines. If it adds nothing, the file ends.
    void (*more)(struct text *t, struct trace_reader *reader);
    void (*clear)(void); // the file was truncated, for example by O_TRUNC
};

// A kind of generated file. node->data points to it. The functions get node->arg, which is the
// process or the CPU that the file is about, or 0. Task context.
struct gen_file {
    const char *name;
    // Writes the text. When it does not fit, this is called again with more room. NULL: there are
    // only records.
    void (*show)(struct text *t, u64 arg);
    // Takes what a program has written in one piece, without the newline. 0 or -errno. NULL: the
    // file is read-only.
    int (*store)(const char *text, u64 arg);
    const struct gen_records *records; // NULL: the file has only the text
};

// Makes a node a generated file.
void gen_init(struct node *n, const struct gen_file *kind, u64 arg);
// A `show` that writes the argument itself.
void gen_show_number(struct text *t, u64 number);
// At boot: adds a generated file to this directory.
void gen_add(struct node *dir, const struct gen_file *kind, u64 arg);
// The same for each kind of a table, with the argument 0.
void gen_add_all(struct node *dir, const struct gen_file *kinds, u32 n);

// The files of proc_kernel.c, in /proc and /proc/sys/kernel.
void proc_kernel_init(struct node *proc, struct node *sys_kernel);
// The text of /proc/PID/mounts (mounts.c).
void show_mounts(struct text *t, u64 pid);

// At boot: sets the limits of the whole system, and adds them as files below this directory,
// /proc/sys (sysctl.c).
void sysctl_init(struct node *sys);

// At boot: adds the files of the kernel's trace to this directory, except the file "trace"
// (trace_files.c).
void trace_files_add(struct node *dir);
// For the file "trace": trace_lines() adds the records as lines, and trace_drop() drops them.
void trace_lines(struct text *t, struct trace_reader *reader);
void trace_drop(void);

// At boot: adds the files of debug builds (debug_files.c), in /proc and /proc/sys/kernel.
void debug_files_init(struct node *proc, struct node *sys_kernel);

// The directories of processes and kernel threads (proc_pid.c).
extern const struct node_ops proc_root_ops;                       // /proc itself
extern const struct node_ops proc_self_ops, proc_thread_self_ops; // the links /proc/self ...
// The memory of a process, with a reference. NULL: there is no such process, or it has no memory
// any more.
struct mm *proc_mm(u32 pid);
// Reads a name that is a number without leading zeros: a pid or a descriptor. False: it is no such
// number.
bool parse_id(const char *name, size_t len, u32 *id);
// /proc/PID/fd; node->arg is the pid (proc_fd.c).
extern const struct node_ops proc_fd_ops;
// /proc/PID/mem; node->arg is the pid (proc_mem.c).
extern const struct file_ops proc_mem_ops;

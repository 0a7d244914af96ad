// How a program is made of a file: what exec.c, args.c, elf.c and stack.c share. Task context.
#pragma once

#include "arch/x86/types.h"

struct mm;

// ---- argument strings (args.c) ----

#define ARG_MAX (128u << 10) // bytes of all strings and pointers together; -E2BIG above it

// The strings of argv, then the strings of envp, each with its NUL, in one buffer that grows.
struct exec_args {
    char *buf;
    size_t used, size;
    size_t argv_len; // bytes of argv's strings in buf
    u32 argc, envc;
};

// args_add() adds one string of the kernel. args_add_user() adds all strings of a vector of the
// program. All of argv comes before envp (`env`). 0, -E2BIG, -ENOMEM, -EFAULT.
int args_add(struct exec_args *a, const char *s, bool env);
int args_add_user(struct exec_args *a, u64 uvector, bool env);
// For scripts: puts n strings in the place of argv's first string. 0, -E2BIG, -ENOMEM.
int args_prepend(struct exec_args *a, const char *const *s, int n);
void args_free(struct exec_args *a);

// ---- the file (elf.c) ----

struct elf_image {
    u64 entry;
    u64 bias; // is added to all addresses of a position-independent program
    u64 phdr; // where the program finds its program headers; 0: they are in no segment
    u32 phent, phnum;
    u64 end; // the first page after the last segment: the heap begins there
};

// Maps the segments of a static ELF64 program. 0, -ENOMEM, or -ENOEXEC: the file is no such
// program, or a segment is writable and executable at once. After a failure some segments may be
// mapped, so the caller must drop the address space.
int elf_load(struct mm *mm, const u8 *data, u64 len, struct elf_image *img);

// ---- the first stack (stack.c) ----

// Maps the stack and writes argc, argv, envp, auxv and the strings. The System V ABI gives their
// order ("Process Initialization", 3.4.1). 0 and the stack pointer, or -ENOMEM.
int stack_build(struct mm *mm, const struct exec_args *a, const char *path,
                const struct elf_image *img, u64 *sp);

// ---- exec.c ----

// Replaces the running program. A relative path begins at its working directory. On -errno nothing
// has changed. On 0 the caller must leave the kernel by the task's user frame. In both cases the
// caller frees the strings.
int exec_program(const char *path, struct exec_args *a);

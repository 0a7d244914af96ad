// Making one program out of a file: what exec.c, args.c, elf.c and stack.c share.
#pragma once

#include "arch/x86/types.h"

struct mm;

// ---- argument strings (args.c) ----

#define ARG_MAX (128u << 10) // of all strings and pointers together; more gives -E2BIG

// argv's strings, then envp's, each with its NUL, in one growing buffer.
struct exec_args {
    char *buf;
    size_t used, size;
    size_t argv_len; // bytes of buf that are argv's
    u32 argc, envc;
};

// Adds strings: all argv before any envp. 0, -E2BIG, -ENOMEM, -EFAULT.
int args_add(struct exec_args *a, const char *s, bool env);
int args_add_user(struct exec_args *a, u64 uvector, bool env);
// Puts n strings before argv, whose first string they replace (scripts).
int args_prepend(struct exec_args *a, const char *const *s, int n);
void args_free(struct exec_args *a);

// ---- the file (elf.c) ----

struct elf_image {
    u64 entry;
    u64 bias; // added to all addresses of a static-pie
    u64 phdr; // where the program finds its program headers; 0: in no segment
    u32 phent, phnum;
    u64 end; // first page after the last segment: the heap starts there
};

// Maps the segments of a static ELF64 program. 0, -ENOEXEC (not such a file, or a segment writable
// and executable at once), -ENOMEM. After a failure the address space holds some of it and is to
// be dropped.
int elf_load(struct mm *mm, const u8 *data, u64 len, struct elf_image *img);

// ---- the first stack (stack.c) ----

// Maps the stack and writes argc, argv, envp, auxv and the strings, as the System V ABI has it
// (3.4.1). 0 and the stack pointer, or -ENOMEM.
int stack_build(struct mm *mm, const struct exec_args *a, const char *path,
                const struct elf_image *img, u64 *sp);

// ---- exec.c ----

// Replaces the running program; relative paths count from its working directory. 0 or -errno, and
// then nothing has changed. The caller frees the strings, and on success leaves by the task's user
// frame.
int exec_program(const char *path, struct exec_args *a);

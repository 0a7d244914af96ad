// dbg: a debugger for programs with one thread, by ptrace(2), on dr7 and on Linux.
//
//   main.c       the commands
//   target.c     the program: start, memory, registers, continue and step
//   points.c     breakpoints and watchpoints, and which of them caused a stop
//   symbols.c    names of the program's functions and variables
//   backtrace.c  who called whom
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

// ---- symbols.c ----

struct symbol {
    uint64_t addr, size;
    const char *name;
    bool code;
};

// Reads the symbols of an ELF file. Prints a message and returns false if it is no ELF file.
bool symbols_load(const char *path);
// `entry` is the address of the program's first instruction. A position-independent program has
// moved by the difference to the file's entry.
void symbols_place(uint64_t entry);
const struct symbol *symbol_named(const char *name);
// The symbol that contains the address, or NULL.
const struct symbol *symbol_at(uint64_t addr);
// "main+0x12", or "0x401234"; good until the next call but three.
const char *place_name(uint64_t addr);

// ---- target.c ----

extern pid_t target; // 0: none

// Starts a program, which stops before its first instruction, or attaches to a running one. On
// failure prints a message and returns false.
bool target_start(char **argv);
bool target_attach(pid_t pid);
// Detaches from the program, or kills it if dbg has started it.
void target_leave(void);

// False where nothing is mapped.
bool mem_read(uint64_t addr, void *buf, size_t n);
bool mem_write(uint64_t addr, const void *buf, size_t n);

struct user_regs_struct regs_get(void);
bool regs_set(const struct user_regs_struct *r);
// A register by its name, or NULL.
unsigned long long *reg_named(struct user_regs_struct *r, const char *name);
// A debug register. Setting gives 0 or errno.
unsigned long dr_get(int n);
int dr_set(int n, unsigned long value);

// Let the program run n instructions, or freely, and print why it has stopped.
void target_step(long n);
void target_continue(void);

// ---- points.c ----

enum point_kind { SOFT, HARD, WATCH, RWATCH, AWATCH };

// Prints the new point, or why there is none. `len`: watched bytes, 0: the symbol's size.
void point_add(enum point_kind kind, uint64_t addr, uint64_t len);
void point_delete(int number);
void points_list(void);
// points_insert() puts the breakpoints into the text before the program runs, and points_remove()
// takes them out after it has stopped. `from`: the program, or a child with a copy of its memory.
void points_insert(void);
void points_remove(pid_t from);
// True if a breakpoint in the text, or in a register, is at this address.
bool point_is_soft(uint64_t addr);
bool point_is_hard(uint64_t addr);
// After a stop with SIGTRAP: prints which point caused it. False: no point did. *silent: a point
// did, but the user need not know.
bool points_explain(bool *silent);

// ---- backtrace.c ----

void backtrace(void);

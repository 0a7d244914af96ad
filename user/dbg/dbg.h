// dbg: a debugger for programs with one thread, by ptrace(2), on dr7 and on Linux.
//
//   main.c       the commands
//   target.c     the program: starting it, its memory and registers, letting it go on
//   points.c     breakpoints and watchpoints, and which of them a stop was
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

// Reads the symbols of an ELF file. False, and a message, when it is none.
bool symbols_load(const char *path);
// The program runs `entry` first: a position-independent one has moved by the difference.
void symbols_place(uint64_t entry);
const struct symbol *symbol_named(const char *name);
// The one that contains the address, or NULL.
const struct symbol *symbol_at(uint64_t addr);
// "main+0x12", or "0x401234"; good until the next call but three.
const char *place_name(uint64_t addr);

// ---- target.c ----

extern pid_t target; // 0: none

// Starts a program, which has then executed nothing; or takes one that runs. False and a message.
bool target_start(char **argv);
bool target_attach(pid_t pid);
// Detaches from it, or kills what dbg has started.
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

// Let it run until something is worth telling, and tell it: n instructions, or freely.
void target_step(long n);
void target_continue(void);

// ---- points.c ----

enum point_kind { SOFT, HARD, WATCH, RWATCH, AWATCH };

// Says what it has made, or why not. `len` of a watched piece in bytes, 0: the symbol's.
void point_add(enum point_kind kind, uint64_t addr, uint64_t len);
void point_delete(int number);
void points_list(void);
// Before it runs: puts the breakpoints into the text. After: takes them out again. `child`: out of
// a copy of its memory.
void points_insert(void);
void points_remove(pid_t from);
// A breakpoint in the text, or in a register, that holds up this address.
bool point_is_soft(uint64_t addr);
bool point_is_hard(uint64_t addr);
// It has stopped with SIGTRAP: tells which point that was. False: none of them. *silent: one of
// them, but nothing the user wants to know.
bool points_explain(bool *silent);

// ---- backtrace.c ----

void backtrace(void);

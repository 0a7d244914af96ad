// Random system calls against the kernel below. A round is one process with several threads. Each
// thread makes a stream of calls. The forks, threads and programs that a call starts have streams
// of their own. A stream depends only on the seed, the round and the stream's number. So a round
// can be repeated, also without some of its calls.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGS 6

// ---- random numbers (random.c) ----

struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *r);
// 0 to n - 1.
uint64_t rng_below(struct rng *r, uint64_t n);
// True once in n times.
bool rng_once_in(struct rng *r, uint64_t n);

// ---- the calls (table.c, kinds.c) ----

// The kind of an argument. From FIRST_BUFFER on: a pointer to memory that fill() writes.
enum kind {
    NOTHING,
    NUMBER,
    LENGTH,
    FD,
    PID,
    TID,
    SIGNAL,
    ADDRESS, // of pages in the arena
    PAGES,   // a length of whole pages
    PROT,
    MAP_FLAGS,
    OPEN_FLAGS,
    CLONE_FLAGS,
    MODE,
    AT_FLAGS,
    WHENCE,
    CLOCK,
    TIMER_FLAGS,
    WAIT_OPTIONS,
    ID_TYPE,
    SIGSET_SIZE,
    FUTEX_OP,
    PRCTL,
    ARCH_PRCTL,
    ADVICE,
    REMAP_FLAGS,
    FCNTL,
    IOCTL,
    PTRACE_REQUEST,
    PERF_FLAGS,
    CPU,
    COUNT,
    FIRST_BUFFER,
    BYTES = FIRST_BUFFER,
    PATH,
    TIMESPEC,
    VECTOR,
    REMOTE_VECTOR,
    SIGSET,
    SIGINFO,
    SIGACTION,
    ALTSTACK,
    ATTRIBUTES,
    POLL,
    WORD,
    TIMER,
    CPUS,
    REGISTERS,
    KINDS
};

// The use of the result.
enum result { DROPPED, NEW_FD, NEW_PID };

// Calls that are more than one system call. Their numbers are above all of Linux's.
enum { CALL_SPAWN = 1000, CALL_EXEC, CALL_TOUCH, CALL_CONTEXT, CALL_FAIL };

struct entry {
    uint16_t number;
    uint16_t weight; // how often it is made, relative to the others
    const char *name;
    uint8_t kind[ARGS];
    uint8_t result;
};

extern const struct entry table[];
extern const size_t table_size;

// A value for an argument of this kind. A descriptor, process or buffer below SLOTS is the number
// of a slot of the process that makes the call.
#define SLOTS 16
uint64_t kind_value(enum kind kind, struct rng *r);
const char *kind_name(enum kind kind);
// A bad pointer, and an address in the arena.
uint64_t hostile_pointer(struct rng *r);
uint64_t hostile_number(struct rng *r);
uint64_t arena_address(struct rng *r);

// ---- streams (stream.c) ----

// A round has several victims: each is a process of several threads, and further processes of one
// thread.
#define VICTIMS      3
#define THREADS      4
#define FAMILY       6 // streams of one victim, threads included
#define ROOT_STREAMS (VICTIMS * FAMILY)
#define ROOT_CALLS   60
#define CHILD_CALLS  14
#define MAX_KEPT     2000

struct call {
    const struct entry *entry;
    uint64_t arg[ARGS];
    uint64_t seed; // for the content of its buffers
};

// The number of calls in this stream.
unsigned stream_length(uint64_t stream);
// The stream that call `index` of `stream` starts.
uint64_t stream_child(uint64_t stream, unsigned index);
// Call `index` of a stream; `round_seed` is round_seed(seed, round).
uint64_t round_seed(uint64_t seed, uint64_t round);
void stream_call(uint64_t round_seed, uint64_t stream, unsigned index, struct call *c);
// Prints the calls of a round, the children's included: "STREAM INDEX name(arguments)".
void stream_print(uint64_t seed, uint64_t round);

// ---- the process that makes the calls (victim.c, fill.c) ----

#define ARENA       0x10000000ul
#define ARENA_PAGES 64
#define PAGE        4096ul

// Descriptors that the runner's children inherit: this memory, and the file that makes an
// allocation fail (debug builds).
#define SHARED_FD 201
#define FAIL_FD   202

// Memory that the runner shares with all its children.
struct shared {
    uint64_t calls;       // made so far
    int victims[VICTIMS]; // their processes
    int runner;           // the process that no call may disturb
    uint64_t round_seed;
    uint32_t nr_kept; // 0: all calls are made
    struct kept {
        uint64_t stream, index;
    } kept[MAX_KEPT];
};
extern struct shared *shared;

// The buffers of the calls of one stream.
struct scratch {
    uint8_t slot[SLOTS][512];
};

extern volatile int fd_slot[SLOTS], pid_slot[SLOTS];

// Writes the memory that an argument of this kind points to.
void fill(enum kind kind, void *at, size_t size, struct rng *r, const struct scratch *s);
// Makes the calls of one stream, and of those that it starts.
void stream_run(uint64_t stream);
// The whole life of one of the runner's children.
__attribute__((noreturn)) void victim(int number);
// The life of a program that CALL_EXEC has started.
__attribute__((noreturn)) void victim_after_exec(uint64_t stream);

// ---- the machine before and after a round (check.c) ----

// Records the state of the machine, which must be at rest.
void check_begin(void);
// Returns NULL if all that was taken since then is back, otherwise what is missing. Waits a while
// for it. `memory`: checks memory, too, although caches grow in the first rounds.
const char *check_end(bool memory);
// The existing processes of this program, also the runner: number, state, threads.
const char *who_is_left(void);
// Removes what rounds leave in /tmp, and puts all CPUs online.
void clean_up(void);

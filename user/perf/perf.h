// perf: counts and records what programs do, by perf_event_open(2), on dr7 and on Linux.
//
// Functions that can fail say on standard error what was wrong, and return false or NULL.
#pragma once

#include "user/bp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

// ---- events (events.c) ----

#define MAX_EVENTS 32
#define EVENT_NAME 64

struct event {
    struct perf_event_attr attr; // type, what is watched, excluded modes, pinned
    char name[EVENT_NAME];       // as the user wrote it
};

struct events {
    int n;
    struct event list[MAX_EVENTS];
};

// What the n options -e say, each a list with commas (docs/perf-tool.md). `program`: the file in
// which names of variables and functions are looked up.
bool events_parse(struct events *events, char **options, int n, const char *program);
// How an event is called when only its attributes are known.
void event_name(const struct perf_event_attr *attr, char name[EVENT_NAME]);

// ---- symbols (symbols.c) ----

struct symbols;

// The functions and variables of a 64-bit ELF file; none if it cannot be read or is no such file.
// Never NULL; kept until the end.
struct symbols *symbols_of_file(const char *path);
// Those of /proc/kallsyms.
struct symbols *symbols_of_kernel(void);
// The symbol at or before an address, and how far before; NULL if there is none.
const char *symbol_at(const struct symbols *s, uint64_t addr, uint64_t *offset);
// The address of a name.
bool symbol_named(const struct symbols *s, const char *name, uint64_t *addr);

// ---- the program that is looked at (child.c) ----

struct child {
    pid_t pid;
    int go; // closing it lets the program begin
};

// Where a command's file is, by PATH if it has no slash: a string to be kept, or NULL.
char *find_program(const char *command);
// Makes the process, which waits until it may execute the program.
bool child_start(struct child *child, const char *path, char **argv);
void child_go(struct child *child);
// Ends it before it began. 1, for the caller to return.
int child_abandon(struct child *child);
// What the shell would call its status: that of exit, or 128 + signal. `status`: of wait(2).
int exit_status(int status);

// ---- files of records (data.c) ----

#define DATA_FILE "/tmp/perf.data" // where no -o or -i says otherwise

// What all samples here contain, besides a call chain where it was asked for. Not PERIOD: with it,
// each hit would be a sample.
#define SAMPLE_PARTS                                                                               \
    (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |                \
     PERF_SAMPLE_ADDR | PERF_SAMPLE_CPU)
// What sample_id_all then appends to each other record.
struct trailer {
    uint32_t pid, tid;
    uint64_t time;
    uint32_t cpu, unused;
    uint64_t id;
};

struct data_writer;
// Begins a file. Event i has the ids from ids[i * per_event] on; both arrays must stay.
// NULL: no memory.
struct data_writer *data_create(const char *path, const struct events *events, const uint64_t *ids,
                                int per_event);
// Records, whole ones.
void data_append(struct data_writer *w, const void *records, size_t bytes);
// Writes the file, from its first byte to its last, and ends the writer.
bool data_finish(struct data_writer *w);

struct data_file {
    struct events events;
    struct {
        uint64_t id;
        int event;
    } * ids;
    size_t nr_ids;
    uint8_t *records;
    size_t size; // of the records
};
bool data_read(struct data_file *f, const char *path);
// The number of the event that has this id; -1: none.
int data_event(const struct data_file *f, uint64_t id);

// ---- the commands; argv begins with the command. The program's status, 1, or USAGE ----

#define USAGE (-1) // the command line is wrong

int cmd_stat(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_script(int argc, char **argv);

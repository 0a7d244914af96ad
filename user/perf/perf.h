// perf: counts and records events of programs by perf_event_open(2), on dr7 and on Linux.
//
// Functions that can fail print the error on standard error, and return false or NULL.
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
    struct perf_event_attr attr; // type, watched memory, excluded modes, pinned
    char name[EVENT_NAME];       // the text of the user
};

struct events {
    int n;
    struct event list[MAX_EVENTS];
};

// Parses the n options -e, each a list with commas (docs/perf-tool.md). `program`: the file that
// defines variables and functions.
bool events_parse(struct events *events, char **options, int n, const char *program);
// Makes the name of an event from its attr.
void event_name(const struct perf_event_attr *attr, char name[EVENT_NAME]);

// ---- symbols (symbols.c) ----

struct symbols;

// The functions and variables of a 64-bit ELF file; none if it cannot be read, or is no ELF file.
// Never NULL, and never freed.
struct symbols *symbols_of_file(const char *path);
// The symbols of /proc/kallsyms.
struct symbols *symbols_of_kernel(void);
// The symbol at or before an address, and the offset from it; NULL if there is none.
const char *symbol_at(const struct symbols *s, uint64_t addr, uint64_t *offset);
// The address of a name.
bool symbol_named(const struct symbols *s, const char *name, uint64_t *addr);

// ---- the program (child.c) ----

struct child {
    pid_t pid;
    int go; // closing it lets the program begin
};

// Finds a command's file, by PATH if it has no slash. Returns a string that is never freed, or
// NULL.
char *find_program(const char *command);
// Makes the process. It waits for `go` before it executes the program.
bool child_start(struct child *child, const char *path, char **argv);
void child_go(struct child *child);
// Ends the process before it executes. Returns 1, the caller's status.
int child_abandon(struct child *child);
// The status as in a shell: the exit status, or 128 + signal. `status`: from wait(2).
int exit_status(int status);

// ---- files of records (data.c) ----

#define DATA_FILE "/tmp/perf.data" // the default of -o and -i

// The parts of all samples; a call chain is optional. PERIOD is not among them, because with it
// each hit would be a sample.
#define SAMPLE_PARTS                                                                               \
    (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |                \
     PERF_SAMPLE_ADDR | PERF_SAMPLE_CPU)
// The parts that sample_id_all then appends to each other record.
struct trailer {
    uint32_t pid, tid;
    uint64_t time;
    uint32_t cpu, unused;
    uint64_t id;
};

struct data_writer;
// Begins a file. The ids of event i start at ids[i * per_event]. Both arrays must stay. NULL: no
// memory.
struct data_writer *data_create(const char *path, const struct events *events, const uint64_t *ids,
                                int per_event);
// Appends complete records.
void data_append(struct data_writer *w, const void *records, size_t bytes);
// Writes the whole file, and ends the writer.
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
// The index of the event with this id; -1: none.
int data_event(const struct data_file *f, uint64_t id);

// ---- the commands: argv[0] is the command; they return the program's status, 1, or USAGE ----

#define USAGE (-1) // the command line is wrong

int cmd_stat(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_script(int argc, char **argv);

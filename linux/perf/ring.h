// The buffer that a program maps to read records: a page of positions and 2^n pages of data.
//
// Who counts a hit writes, also inside #DB and on several CPUs at once, so there is no lock:
//
//   R1  A writer reserves its bytes by compare-and-exchange on `state` (how far the buffer is
//       reserved, and how many writers are inside), then fills them, then leaves.
//   R2  The writer whose leaving makes the buffer empty of writers publishes data_head: all bytes
//       below it are complete, whoever was interrupted by whom.
//   R3  What the program has not read (data_tail) is never overwritten. What does not fit is
//       counted, and told by a LOST record in front of the next one that fits.
//   R4  An event's pointer to its buffer changes under perf_mutex; the old buffer is put only after
//       every CPU has passed a point with IRQs on, since writers run with IRQs off.
#pragma once

#include "linux/mm/vm.h"
#include "linux/perf/abi.h"

struct perf_event;

struct perf_buffer {
    struct vm_object object; // its references are the mapped areas; at the end: `unmapped`
    struct refcount users;   // the events that write here, and one for all mappings
    u32 nr_data;             // pages of data: 2^n, or 0
    bool unmapped;           // nobody can read it any more: writes are dropped
    bool paused;
    bool overwrite;          // mapped read-only: the oldest records go, none is lost
    bool backward;           // positions run down: the latest record comes first
    bool ready;              // poll(2): a wakeup is due that no poll has seen
    u64 state;               // R1: bytes reserved so far / 8 << 16 | writers inside
    u64 lost;                // records since the last LOST record
    u64 watermark, woken_at; // a wakeup is due each time that this many bytes were written
    u32 samples;             // since the last wakeup by wakeup_events
    struct perf_mmap_page *page;
    u8 *data[];
};

static inline u64 perf_buffer_size(const struct perf_buffer *b)
{
    return (u64)b->nr_data << PAGE_SHIFT;
}

// mmap(2) of an event: its buffer with `pages` pages in all, with one reference to the object; not
// `writable`: in overwrite mode. An event that has one already gets the same, if the size is right.
// ERR_PTR: -EINVAL (size, or an inherited event on no fixed CPU, whose copies would write from
// everywhere), -ENOMEM.
struct vm_object *perf_buffer_map(struct perf_event *event, u64 pages, bool writable);

// Writes a record, whose header comes first and has the size. Copies write to their original's
// buffer. IRQs off, any context.
void perf_buffer_write(struct perf_event *event, const struct perf_record_header *record);

// The same in parts: room for `size` bytes, false if there is none; bytes in order, the program's
// too, of which those after a page that is not there are left out (how many were copied); the end,
// which also tells whether it is a sample, one that counts for wakeup_events.
struct perf_writer {
    struct perf_event *event;
    struct perf_buffer *buffer;
    u64 at, end; // where the next byte goes; bytes ever written with this record
};
bool perf_buffer_begin(struct perf_writer *w, struct perf_event *event, u64 size);
void perf_buffer_put(struct perf_writer *w, const void *from, u64 n);
u64 perf_buffer_put_user(struct perf_writer *w, u64 from, u64 n);
void perf_buffer_end(struct perf_writer *w, bool sample);

// ioctl SET_OUTPUT: records of `event` go to the buffer of `to` (NULL: nowhere). 0 or -EINVAL.
int perf_buffer_redirect(struct perf_event *event, struct perf_event *to);
// ioctl PAUSE_OUTPUT. 0 or -EINVAL when there is no buffer.
int perf_buffer_pause(struct perf_event *event, bool pause);
// For poll(2): true once for each wakeup; *have says whether there is a buffer.
bool perf_buffer_poll(struct perf_event *event, bool *have);
// Brings count and times of the first page up to date. perf_mutex held.
void perf_buffer_update(struct perf_event *event);
// The event ends and has left its context.
void perf_buffer_detach(struct perf_event *event);

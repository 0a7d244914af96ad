// The buffer that a program maps to read records: a page of positions and 2^n pages of data.
//
// The code that counts a hit writes the record. It also runs inside #DB, and on several CPUs at
// once. So there is no lock:
//
//   R1  `state` says how many bytes are reserved, and how many writers are inside. A writer
//       reserves its bytes by one compare-and-exchange on it. Then it fills them and leaves.
//   R2  The writer that leaves last publishes data_head. All bytes below it are complete then,
//       because no writer is inside any more.
//   R3  Bytes that the program has not read (those from data_tail on) are never overwritten. A
//       record that does not fit is counted as lost. The next one that fits follows a LOST record.
//   R4  An event's pointer to its buffer changes under perf_mutex. The old buffer is put only after
//       every CPU has passed a point with IRQs on, because writers run with IRQs off.
#pragma once

#include "linux/mm/vm.h"
#include "linux/perf/abi.h"

struct perf_event;

struct perf_buffer {
    struct vm_object object; // each mapped area has a reference; without any it is `unmapped`
    struct refcount users;   // each event that writes here has one, and all mappings together
    u32 nr_data;             // pages of data: 2^n, or 0
    bool unmapped;           // nobody can read it any more, so writes are dropped
    bool paused;
    bool overwrite;          // mapped read-only: new records overwrite the oldest ones
    bool backward;           // positions run down, so the latest record comes first
    bool ready;              // for poll(2): there was a wakeup that no poll has seen
    u64 state;               // R1: (bytes reserved so far / 8) << 16 | writers inside
    u64 lost;                // records that were lost since the last LOST record
    u64 watermark, woken_at; // a wakeup after every `watermark` bytes; the last was at woken_at
    u32 samples;             // how many since the last wakeup by wakeup_events
    struct perf_mmap_page *page;
    u8 *data[];
};

static inline u64 perf_buffer_size(const struct perf_buffer *b)
{
    return (u64)b->nr_data << PAGE_SHIFT;
}

// mmap(2) of an event: makes its buffer of `pages` pages in all. If it is not `writable`, it is in
// overwrite mode. An event that has a buffer already gets the same one, if the size is right.
// Returns the object with a reference, or ERR_PTR: -ENOMEM, or -EINVAL. -EINVAL: the size is wrong,
// or the event is inherited and not bound to a CPU. The copies of such an event would write from
// all CPUs. Task context.
struct vm_object *perf_buffer_map(struct perf_event *event, u64 pages, bool writable);

// Writes a record. Its header comes first and has the size. A copy writes to its original's buffer.
// IRQs off, any context.
void perf_buffer_write(struct perf_event *event, const struct perf_record_header *record);

// The same in parts. perf_buffer_begin() reserves `size` bytes, or returns false. Then
// perf_buffer_put() and perf_buffer_put_user() add bytes in their order. perf_buffer_put_user()
// copies from the program. It stops at a page that is not there, and returns how many bytes it
// copied. perf_buffer_end() is told whether the record is a sample, which counts for wakeup_events.
struct perf_writer {
    struct perf_event *event;
    struct perf_buffer *buffer;
    u64 at, end; // positions in bytes ever written: of the next byte, and after this record
};
bool perf_buffer_begin(struct perf_writer *w, struct perf_event *event, u64 size);
void perf_buffer_put(struct perf_writer *w, const void *from, u64 n);
u64 perf_buffer_put_user(struct perf_writer *w, u64 from, u64 n);
void perf_buffer_end(struct perf_writer *w, bool sample);

// ioctl SET_OUTPUT: records of `event` go to the buffer of `to`, or with `to` NULL nowhere. 0 or
// -EINVAL. Task context.
int perf_buffer_redirect(struct perf_event *event, struct perf_event *to);
// ioctl PAUSE_OUTPUT. 0, or -EINVAL when there is no buffer. Task context.
int perf_buffer_pause(struct perf_event *event, bool pause);
// For poll(2): true once after each wakeup. *have says whether there is a buffer.
bool perf_buffer_poll(struct perf_event *event, bool *have);
// Brings the count and the times in the buffer's first page up to date. perf_mutex held.
void perf_buffer_update(struct perf_event *event);
// The event ends, and has left its context: gives up its buffer. Task context.
void perf_buffer_detach(struct perf_event *event);

// Reads a mapped perf buffer, record by record.
#pragma once

#include "test/user/bp_test.h"
#include <sys/mman.h>

static inline struct perf_event_attr sampling(const volatile void *addr, uint64_t type)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, addr, 8);

    attr.sample_period = 1;
    attr.sample_type = type;
    return attr;
}

static inline int open_must(struct perf_event_attr *attr)
{
    int fd = bp_open_attr(attr, 0, -1);

    REQUIRE(fd >= 0);
    return fd;
}

struct ring {
    struct perf_event_mmap_page *page;
    size_t size; // of the mapping
    uint8_t record[4096];
};

// Maps 2^n pages of data, or fails the test.
static inline struct ring ring_map(int fd, unsigned pages)
{
    struct ring r = {.size = (1 + pages) * 4096ul};

    r.page = mmap(NULL, r.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(r.page != MAP_FAILED);
    return r;
}

static inline void ring_unmap(struct ring *r)
{
    CHECK_EQ(munmap(r->page, r->size), 0);
}

// The next record, copied out, or NULL.
static inline const struct perf_event_header *ring_next(struct ring *r)
{
    uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = r->page->data_tail, size = r->page->data_size;
    const uint8_t *data = (const uint8_t *)r->page + r->page->data_offset;
    struct perf_event_header header;

    if (head == tail)
        return NULL;
    for (size_t i = 0; i < sizeof header; i++)
        ((uint8_t *)&header)[i] = data[(tail + i) % size];
    REQUIRE(header.size >= sizeof header && header.size <= sizeof r->record);
    REQUIRE(header.size <= head - tail);
    for (size_t i = 0; i < header.size; i++)
        r->record[i] = data[(tail + i) % size];
    __atomic_store_n(&r->page->data_tail, tail + header.size, __ATOMIC_RELEASE);
    return (const struct perf_event_header *)r->record;
}

// The next record of this type, skipping others, or NULL.
static inline const struct perf_event_header *ring_find(struct ring *r, uint32_t type)
{
    const struct perf_event_header *h;

    while ((h = ring_next(r)) && h->type != type)
        ;
    return h;
}

// The words after the header.
static inline const uint64_t *words(const struct perf_event_header *h)
{
    return (const uint64_t *)(h + 1);
}

static inline uint64_t pid_tid(pid_t pid, pid_t tid)
{
    return (uint64_t)(uint32_t)tid << 32 | (uint32_t)pid;
}

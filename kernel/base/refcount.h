// Reference counts. A count that reaches zero belongs to the one who brought it there.
#pragma once

#include "kernel/base/panic.h"

struct refcount {
    u32 n;
};

static inline void ref_init(struct refcount *r)
{
    __atomic_store_n(&r->n, 1, __ATOMIC_RELAXED);
}

static inline void ref_get(struct refcount *r)
{
    u32 old = __atomic_fetch_add(&r->n, 1, __ATOMIC_RELAXED);
    ASSERT(old > 0);
}

// True for the last one.
static inline bool ref_put(struct refcount *r)
{
    u32 old = __atomic_fetch_sub(&r->n, 1, __ATOMIC_ACQ_REL);
    ASSERT(old > 0);
    return old == 1;
}

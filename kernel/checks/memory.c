// What is freed is not written any more: it is filled, and looked at when it is allocated again.
#include "kernel/base/panic.h"
#include "kernel/base/string.h"
#include "kernel/mm/page.h"

// ---- pages ----

void page_poison(struct page *p, void *addr, u32 order)
{
    memset(addr, PAGE_POISON, PAGE_SIZE << order);
    for (u64 i = 0; i < 1ull << order; i++)
        p[i].poisoned = true;
}

void page_check_poison(struct page *p, const void *addr, u32 order)
{
    const u64 *word = addr;
    for (u64 i = 0; i < 1ull << order; i++) {
        for (u32 k = 0; p[i].poisoned && k < PAGE_SIZE / sizeof(u64); k++)
            if (word[k] != 0x0101010101010101ull * PAGE_POISON)
                panic("pages: freed page at %p was written: %lx", &word[k], word[k]);
        p[i].poisoned = false;
        word += PAGE_SIZE / sizeof(u64);
    }
}

// ---- objects of the heap: after their link, which is their first word ----

static void check_not_free(const struct page *p, const void *o)
{
    for (void *const *f = p->objects; f; f = *f)
        if (f == o)
            panic("heap: double free of %p", o);
}

void heap_poison(const struct page *p, void *o, u32 size)
{
    ASSERT(((u64)o & (PAGE_SIZE - 1)) % size == 0);
    check_not_free(p, o);
    memset(o, PAGE_POISON, size);
}

void heap_check_poison(const void *o, u32 size)
{
    const u8 *bytes = o;
    for (u32 i = sizeof(void *); i < size; i++)
        if (bytes[i] != PAGE_POISON)
            panic("heap: freed object of %u bytes at %p was written at +%u", size, o, i);
}

// Memory: the page allocator, the heap, kernel stacks, areas, copy on write, and running out.
#include "arch/x86/paging.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/checks/failure.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "linux/mm/vm.h"
#include "sched/task.h"
#include "test/kernel/ktest.h"

#define SIZE_CLASSES 12 // kernel/mm/heap.c
#define RW           (PROT_READ | PROT_WRITE)

static u64 random_state = 1;

static u32 random_below(u32 n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 33) % n;
}

// Runs the body twice, because the first run may fill caches. The second one must leave as many
// free pages as it found.
static void expect_no_leak(void (*body)(void))
{
    body();
    u64 before = pages_free_count(), heap = heap_bytes;
    body();
    EXPECT_EQ(heap_bytes, heap);
    EXPECT_EQ(pages_free_count(), before);
}

// ---- blocks: aligned, and not overlapping ----

struct block {
    u64 *at;
    u32 order; // of pages, or the size of an object
};

static void fill(const struct block *b, u64 bytes)
{
    for (u64 i = 0; i < bytes / 8; i++)
        b->at[i] = (u64)b->at + i;
}

static bool is_intact(const struct block *b, u64 bytes)
{
    for (u64 i = 0; i < bytes / 8; i++)
        if (b->at[i] != (u64)b->at + i)
            return false;
    return true;
}

static void pages_body(void)
{
    struct block blocks[24] = {0};
    for (u64 round = 0; round < ktest_scale(2000); round++) {
        struct block *b = &blocks[random_below(ARRAY_SIZE(blocks))];
        if (b->at) {
            EXPECT(is_intact(b, PAGE_SIZE << b->order));
            pages_free(b->at, b->order);
            b->at = NULL;
        } else {
            b->order = random_below(5);
            b->at = pages_alloc(b->order);
            EXPECT(b->at && virt_to_phys(b->at) % (PAGE_SIZE << b->order) == 0);
            fill(b, PAGE_SIZE << b->order);
        }
    }
    for (u32 i = 0; i < ARRAY_SIZE(blocks); i++)
        if (blocks[i].at)
            pages_free(blocks[i].at, blocks[i].order);
}

KTEST(mm_pages, "mm.pages", NULL)
{
    expect_no_leak(pages_body);
}

// Sizes just below, at and above each class, and sizes above the last class.
static void heap_body(void)
{
    static struct block objects[200];
    for (u64 round = 0; round < ktest_scale(20000); round++) {
        struct block *b = &objects[random_below(ARRAY_SIZE(objects))];
        if (b->at) {
            EXPECT(is_intact(b, b->order));
            kfree(b->at);
            b->at = NULL;
        } else {
            b->order = 8 * (1 + random_below(random_below(20) ? 260 : 1500));
            b->at = kalloc(b->order);
            EXPECT(b->at && (u64)b->at % 16 == 0);
            for (u32 i = 0; i < b->order / 8; i++)
                EXPECT(b->at[i] == 0);
            fill(b, b->order);
        }
    }
    for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
        kfree(objects[i].at);
        objects[i].at = NULL;
    }
}

KTEST(mm_heap, "mm.heap", NULL)
{
    EXPECT(!kalloc(PAGE_SIZE << (MAX_ORDER + 1)));
    heap_body();
    u64 before = pages_free_count(), heap = heap_bytes;
    heap_body();
    EXPECT_EQ(heap_bytes, heap);
    // Whether a class keeps an empty page depends on the order in which its objects were freed.
    EXPECT(pages_free_count() + SIZE_CLASSES >= before);
}

// A kernel stack is mapped, and the page below it is not.
static void expect_kstack(u64 top)
{
    u64 root = read_cr3() & PTE_ADDR;
    EXPECT(kstack_top(top - KSTACK_STRIDE) == top);
    for (u64 va = top - KSTACK_SIZE; va < top; va += PAGE_SIZE) {
        u64 *pte = paging_walk(root, va, NULL);
        EXPECT(pte && (*pte & (PTE_P | PTE_W | PTE_NX | PTE_U)) == (PTE_P | PTE_W | PTE_NX));
    }
    u64 *guard = paging_walk(root, top - KSTACK_SIZE - PAGE_SIZE, NULL);
    EXPECT(!guard || !(*guard & PTE_P));
}

KTEST(mm_kstack, "mm.kstack", NULL)
{
    u64 top = kstack_alloc();
    EXPECT(top && kstack_top(KSTACK_END) == 0);
    expect_kstack(top);
    kstack_free(top);
    for (u32 cpu = 0; cpu < nr_cpus; cpu++)
        for (int i = IST_DF; i <= IST_DB; i++)
            expect_kstack(cpus[cpu].tss.ist[i - 1]);
}

// ---- address spaces, seen from outside ----

static u64 peek(struct mm *mm, u64 addr)
{
    u64 v = 0;
    EXPECT_EQ(mm_access(mm, addr, &v, sizeof(v), false, false), sizeof(v));
    return v;
}

static void poke(struct mm *mm, u64 addr, u64 v)
{
    EXPECT_EQ(mm_access(mm, addr, &v, sizeof(v), true, false), sizeof(v));
}

static u64 pa_of(struct mm *mm, u64 addr)
{
    u64 *pte = paging_walk(mm->root, addr, NULL);
    return pte ? *pte & PTE_ADDR : 0;
}

static bool is_writable(struct mm *mm, u64 addr)
{
    u64 *pte = paging_walk(mm->root, addr, NULL);
    return pte && (*pte & PTE_P) && (*pte & PTE_W);
}

static void areas_body(void)
{
    struct mm *mm = mm_new();
    u32 fixed = MAP_PRIVATE | MAP_FIXED;
    u64 at = mm_map(mm, 0, 5 * PAGE_SIZE, RW, MAP_PRIVATE, "a");
    for (u64 i = 0; i < 5; i++)
        poke(mm, at + i * PAGE_SIZE, i);
    EXPECT_EQ(mm_unmap(mm, at + PAGE_SIZE, PAGE_SIZE), 0);
    EXPECT_EQ(mm_fault(mm, at + PAGE_SIZE, PF_USER), -EFAULT);
    EXPECT_EQ(peek(mm, at), 0);
    EXPECT_EQ(peek(mm, at + 2 * PAGE_SIZE), 2);

    EXPECT_EQ(mm_map(mm, at, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE, "b"), -EEXIST);
    EXPECT_EQ(mm_map(mm, at + 2 * PAGE_SIZE, PAGE_SIZE, RW, fixed, "b"), at + 2 * PAGE_SIZE);
    EXPECT_EQ(peek(mm, at + 2 * PAGE_SIZE), 0);
    EXPECT_EQ(mm_map(mm, 0, PAGE_SIZE, RW | PROT_EXEC, MAP_PRIVATE, "c"), -EACCES);
    EXPECT_EQ(mm_protect(mm, at, PAGE_SIZE, RW | PROT_EXEC), -EACCES);
    EXPECT_EQ(mm_map(mm, 0, 0, RW, MAP_PRIVATE, "c"), -EINVAL);
    EXPECT_EQ(mm_map(mm, 0, ~0ull, RW, MAP_PRIVATE, "c"), -ENOMEM);
    u64 too_much = (pages_total + 1) * PAGE_SIZE;
    EXPECT_EQ(mm_map(mm, 0, too_much, RW, MAP_PRIVATE, "c"), -ENOMEM);
    EXPECT_EQ(mm_unmap(mm, mm_map(mm, 0, too_much, 0, MAP_PRIVATE, "c"), too_much), 0);
    EXPECT_EQ(mm_map(mm, TASK_SIZE_MAX, PAGE_SIZE, RW, fixed, "c"), -ENOMEM);

    // The content survives while the page has no rights.
    EXPECT_EQ(mm_protect(mm, at + 3 * PAGE_SIZE, PAGE_SIZE, 0), 0);
    EXPECT_EQ(mm_fault(mm, at + 3 * PAGE_SIZE, PF_USER), -EACCES);
    EXPECT_EQ(mm_protect(mm, at + 3 * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    EXPECT_EQ(peek(mm, at + 3 * PAGE_SIZE), 3);
    EXPECT_EQ(mm_fault(mm, at + 3 * PAGE_SIZE, PF_USER | PF_WRITE | PF_PRESENT), -EACCES);
    EXPECT_EQ(mm_fault(mm, at + 3 * PAGE_SIZE, PF_USER | PF_FETCH | PF_PRESENT), -EACCES);
    EXPECT_EQ(mm_protect(mm, at, 5 * PAGE_SIZE, PROT_READ), -ENOMEM); // the hole
    mm_put(mm);
}

KTEST(mm_areas, "mm.areas", NULL)
{
    expect_no_leak(areas_body);
}

static void file_body(void)
{
    static const char text[] = "seven bytes before, zeroes behind";
    struct mm *mm = mm_new();
    char got[sizeof(text) + 7];
    u64 at = mm_map_file(mm, 0, 2 * PAGE_SIZE, RW, MAP_PRIVATE, (const u8 *)text, sizeof(text),
                         PAGE_SIZE - 7, "file"); // across the border of two pages
    EXPECT_EQ(mm_access(mm, at + PAGE_SIZE - 14, got, sizeof(got), false, false), sizeof(got));
    EXPECT(got[0] == 0 && got[6] == 0 && memcmp(got + 7, text, sizeof(text)) == 0);
    poke(mm, at + PAGE_SIZE, 1);
    EXPECT(memcmp(text + 7, "ytes before", 8) == 0); // private
    mm_put(mm);
}

KTEST(mm_file, "mm.file", NULL)
{
    expect_no_leak(file_body);
}

static void cow_body(void)
{
    struct mm *parent = mm_new();
    u64 at = mm_map(parent, 0, 3 * PAGE_SIZE, RW, MAP_PRIVATE, "cow");
    poke(parent, at, 1);
    poke(parent, at + PAGE_SIZE, 2);
    EXPECT(is_writable(parent, at));

    struct mm *child = mm_fork(parent);
    EXPECT(pa_of(child, at) == pa_of(parent, at) && *page_refs(pa_of(child, at)) == 2);
    EXPECT(!is_writable(parent, at) && !is_writable(child, at));
    poke(child, at, 10);
    EXPECT(pa_of(child, at) != pa_of(parent, at));
    EXPECT_EQ(*page_refs(pa_of(child, at)), 1);
    EXPECT_EQ(*page_refs(pa_of(parent, at)), 1);
    EXPECT_EQ(peek(parent, at), 1);
    EXPECT_EQ(peek(child, at), 10);

    // The last user of a page needs no copy.
    u64 pa = pa_of(parent, at);
    poke(parent, at, 3);
    EXPECT(pa_of(parent, at) == pa && is_writable(parent, at));

    // A change of rights does not end the sharing. A forced write to a read-only page does.
    u64 other = at + PAGE_SIZE, v = 20;
    EXPECT_EQ(mm_protect(child, other, PAGE_SIZE, PROT_READ), 0);
    EXPECT_EQ(mm_access(child, other, &v, sizeof(v), true, false), -EFAULT);
    EXPECT_EQ(mm_protect(child, other, PAGE_SIZE, RW), 0);
    EXPECT(!is_writable(child, other));
    EXPECT_EQ(mm_protect(child, other, PAGE_SIZE, PROT_READ), 0);
    EXPECT_EQ(mm_access(child, other, &v, sizeof(v), true, true), sizeof(v));
    EXPECT_EQ(peek(child, other), 20);
    EXPECT_EQ(peek(parent, other), 2);

    struct mm *grandchild = mm_fork(child);
    mm_put(parent);
    mm_put(child);
    EXPECT_EQ(peek(grandchild, at), 10);
    EXPECT_EQ(*page_refs(pa_of(grandchild, at)), 1);
    mm_put(grandchild);
}

KTEST(mm_cow, "mm.cow", NULL)
{
    expect_no_leak(cow_body);
}

// ---- running out: each allocation fails once, and nothing is left behind ----

static void never(void *)
{
}

// True if all went well.
static bool allocating_things(void)
{
    bool ok = false;
    u64 v = 1;
    struct task *t = task_new("never", never, NULL, CPUMASK_ALL);
    struct mm *mm = mm_new(), *copy = NULL;
    s64 at = mm ? mm_map(mm, 0, 4 * PAGE_SIZE, RW, MAP_PRIVATE, "oom") : -ENOMEM;
    if (at > 0 && mm_access(mm, at, &v, sizeof(v), true, false) == sizeof(v) &&
        mm_unmap(mm, at + PAGE_SIZE, PAGE_SIZE) == 0)
        copy = mm_fork(mm);
    if (copy)
        ok = t && mm_access(copy, at, &v, sizeof(v), true, false) == sizeof(v);
    if (t)
        task_put(t);
    if (copy)
        mm_put(copy);
    if (mm)
        mm_put(mm);
    return ok;
}

static u64 failures;

static void oom_body(void)
{
    failures = 0;
    for (u64 nth = 1;; nth++) {
        mm_inject_failure(nth);
        bool ok = allocating_things();
        mm_inject_failure(0);
        if (ok)
            break;
        failures++;
    }
}

KTEST(mm_oom, "mm.out-of-memory", NULL)
{
    if (!DEBUG_BUILD)
        return ktest_skip("only the debug build lets memory run out");
    expect_no_leak(oom_body);
    ktest_note("%lu places where memory can run out", failures);
    EXPECT(failures > 10);
}

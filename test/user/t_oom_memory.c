// Memory that runs out in calls on the address space, and in the page faults of other calls.
#include "test/user/oom.h"
#include <sys/mman.h>

#define LENGTH (16ul * 4096)
#define GIGA   (1ul << 30)

static char *area;
static int file_fd, zero_fd;

static long check_pointer(void *p)
{
    return p == MAP_FAILED ? -1 : (long)p;
}

static long map_some(void)
{
    return check_pointer(
        mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static long map_shared(void)
{
    return check_pointer(
        mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static long map_file(void)
{
    return check_pointer(mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE, file_fd, 0));
}

static void unmap(long addr)
{
    CHECK_EQ(munmap((void *)addr, LENGTH), 0);
}

static long protect_middle(void)
{
    return mprotect(area + LENGTH / 2, 4096, PROT_READ);
}

static long unmap_middle(void)
{
    return munmap(area + LENGTH / 4, 4096);
}

// Moves one page of shared memory to a free place. After a failure that place must still be free.
static long move_middle(void)
{
    char *to = area + LENGTH;
    long got =
        check_pointer(mremap(area + LENGTH / 4, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to));
    int err = errno;

    if (got < 0)
        CHECK_ERRNO(mprotect(to, 4096, PROT_READ), ENOMEM);
    errno = err;
    return got;
}

static void test_areas(void)
{
    oom_each("mmap", map_some, unmap, ENOMEM);
    oom_each("mmap of shared memory", map_shared, unmap, ENOMEM);
    file_fd = open(utest_self, O_RDONLY);
    oom_each("mmap of a file", map_file, unmap, ENOMEM);
    close(file_fd);
    file_fd = open("/tmp/oom", O_RDWR | O_CREAT, 0600);
    oom_each("mmap of a file in /tmp", map_file, unmap, ENOMEM);
    close(file_fd);
    unlink("/tmp/oom");

    area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED);
    memset(area, 7, LENGTH);
    oom_each("mprotect", protect_middle, oom_nothing, ENOMEM);
    oom_each("munmap", unmap_middle, oom_nothing, ENOMEM);
    for (size_t at = 0; at < LENGTH; at += 4096)
        if (at != LENGTH / 4)
            CHECK_EQ(area[at], 7);
    CHECK_EQ(munmap(area, LENGTH), 0);

    area = mmap(NULL, LENGTH + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED && munmap(area + LENGTH, 4096) == 0);
    oom_each("mremap", move_middle, oom_nothing, ENOMEM);
    CHECK_EQ(munmap(area, LENGTH + 4096), 0);
}

static long break_before;

// After a failure brk(2) returns the old break.
static long grow_heap(void)
{
    long old = break_before;

    if (syscall(SYS_brk, old + (1 << 20)) == old) {
        errno = ENOMEM;
        return -1;
    }
    return old;
}

static void shrink_heap(long old)
{
    CHECK_EQ(syscall(SYS_brk, old), old);
}

// ---- page faults inside a call are tried again, so the call does not fail ----

#define NEW_PAGES 12

static void *new_page(int n)
{
    return (char *)((64 + (uintptr_t)n) * GIGA);
}

// Each attempt takes a page of another gigabyte, because page tables stay after a failure.
static int next_page;

static void map_new_pages(int flags, int of)
{
    for (int i = 0; i < NEW_PAGES; i++)
        REQUIRE(mmap(new_page(i), 4096, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, of,
                     0) == new_page(i));
    next_page = 0;
}

static long read_into_new_page(void)
{
    return read(zero_fd, new_page(next_page++ % NEW_PAGES), 1);
}

static void unmap_new_pages(void)
{
    CHECK(next_page <= NEW_PAGES);
    for (int i = 0; i < NEW_PAGES; i++)
        CHECK_EQ(munmap(new_page(i), 4096), 0);
}

// A page that is shared after fork: the first write copies it.
static long write_shared_page(void)
{
    long got = read(zero_fd, area, 1);
    int err = errno;

    CHECK_EQ(area[0], got < 0 ? 7 : 0);
    errno = err;
    return got;
}

static void relative(void *)
{
    oom_each("read into a page that is shared after fork", write_shared_page, oom_nothing,
             OOM_OR_NOT);
}

static void check_new_pages(const char *what, int flags, int of)
{
    map_new_pages(flags, of);
    oom_each(what, read_into_new_page, oom_nothing, OOM_OR_NOT);
    unmap_new_pages();
}

static void test_faults(void)
{
    zero_fd = open("/dev/zero", O_RDONLY);
    check_new_pages("read into a new page", MAP_PRIVATE | MAP_ANONYMOUS, -1);
    check_new_pages("read into a new shared page", MAP_SHARED | MAP_ANONYMOUS, -1);
    file_fd = open("/tmp/oom", O_RDWR | O_CREAT, 0600);
    REQUIRE(write(file_fd, "x", 1) == 1);
    check_new_pages("read into a page of a file in /tmp", MAP_PRIVATE, file_fd);
    close(file_fd);
    unlink("/tmp/oom");
    area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED);
    area[0] = 7;
    join(spawn(relative, NULL));
    oom_add(1);
    CHECK_EQ(munmap(area, 4096), 0);
    close(zero_fd);
}

static void in_a_child(void *)
{
    test_faults();
}

// A C library may have a heap already, which would grow in place. A page without rights keeps the
// two apart.
static void test_heap(void)
{
    long old = syscall(SYS_brk, 0), fence = (old + 4095) & -4096L;

    break_before = fence + 4096;
    REQUIRE(syscall(SYS_brk, break_before) == break_before);
    REQUIRE(mprotect((void *)fence, 4096, PROT_NONE) == 0);
    oom_each("brk", grow_heap, shrink_heap, ENOMEM);
    CHECK_EQ(syscall(SYS_brk, old), old);
}

static void round_of_memory(void)
{
    test_areas();
    test_heap();
    join(spawn(in_a_child, NULL)); // the child's end frees the page tables that failures have left
}

UTEST_TYPE(oom_memory, "oom.memory")
{
    oom_rounds(round_of_memory);
}

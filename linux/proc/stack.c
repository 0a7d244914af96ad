// The stack with which a program starts (System V ABI, 3.4.1). From the top down it has the
// strings, 16 random bytes, the auxiliary vector, the pointers of envp and argv, and argc.
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "linux/mm/vm.h"
#include "linux/proc/exec.h"
#include "linux/proc/random.h"
#include "linux/task/rlimit.h"

#include <linux/auxvec.h>

#define CLOCKS_PER_SECOND 100
#define RANDOM_BYTES      16
#define AUXV_PAIRS        18
// The stack is at least this large, whatever RLIMIT_STACK says. All that is written here fits, and
// the program has room beside it.
#define STACK_MIN (2ull * ARG_MAX)
#define STACK_MAX (1ull << 30)

static const char platform[] = "x86_64";

// The addresses of the parts above the vectors.
struct places {
    u64 strings, path, platform, random, vectors;
};

static u32 hwcap(void)
{
    u32 regs[4];
    cpuid(1, 0, regs);
    return regs[3];
}

static u64 *put_auxv(u64 *v, const struct elf_image *img, const struct places *at)
{
    const u64 pairs[AUXV_PAIRS][2] = {
        {AT_HWCAP, hwcap()},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_CLKTCK, CLOCKS_PER_SECOND},
        {AT_PHDR, img->phdr},
        {AT_PHENT, img->phent},
        {AT_PHNUM, img->phnum},
        {AT_BASE, 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, img->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_SECURE, 0},
        {AT_RANDOM, at->random},
        {AT_EXECFN, at->path},
        {AT_PLATFORM, at->platform},
        {AT_NULL, 0},
    };
    memcpy(v, pairs, sizeof(pairs));
    return v + 2 * AUXV_PAIRS;
}

// Puts pointers to `count` strings, and a NULL. The strings begin at s in the kernel, and at *at in
// the program.
static const char *put_pointers(u64 **v, u32 count, const char *s, u64 *at)
{
    while (count--) {
        size_t n = strlen(s) + 1;
        *(*v)++ = *at;
        *at += n;
        s += n;
    }
    *(*v)++ = 0;
    return s;
}

static bool put(struct mm *mm, u64 addr, const void *data, size_t n)
{
    return mm_access(mm, addr, (void *)data, n, true, false) == (ssize_t)n;
}

int stack_build(struct mm *mm, const struct exec_args *a, const char *path,
                const struct elf_image *img, u64 *sp)
{
    u64 limit = MIN(rlimit_soft(RLIMIT_STACK), STACK_MAX);
    u64 size = MAX(ALIGN_UP(limit, PAGE_SIZE), STACK_MIN);
    s64 got =
        mm_map(mm, USER_STACK_TOP - size, size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_STACK | MAP_NORESERVE, "[stack]");
    if (got < 0)
        return got;

    struct places at;
    size_t path_size = strlen(path) + 1;
    u8 random[RANDOM_BYTES];
    random_fill(random, sizeof(random));
    at.path = USER_STACK_TOP - sizeof(u64) - path_size; // a zero word at the very top
    at.strings = at.path - a->used;
    at.platform = at.strings - sizeof(platform);
    at.random = at.platform - sizeof(random);
    size_t words = 1 + a->argc + 1 + a->envc + 1 + 2 * AUXV_PAIRS;
    at.vectors = ALIGN_DOWN(at.random - words * sizeof(u64), 16);

    u64 *vectors = kalloc(words * sizeof(u64)), *v = vectors, string = at.strings;
    if (!vectors)
        return -ENOMEM;
    *v++ = a->argc;
    const char *env = put_pointers(&v, a->argc, a->buf, &string);
    put_pointers(&v, a->envc, env, &string);
    v = put_auxv(v, img, &at);
    bool ok = put(mm, at.path, path, path_size) && put(mm, at.strings, a->buf, a->used) &&
              put(mm, at.platform, platform, sizeof(platform)) &&
              put(mm, at.random, random, sizeof(random)) &&
              put(mm, at.vectors, vectors, words * sizeof(u64));
    kfree(vectors);
    mm->auxv_len = 2 * AUXV_PAIRS * sizeof(u64);
    mm->auxv = at.vectors + words * sizeof(u64) - mm->auxv_len;
    mm->env = at.strings + a->argv_len;
    mm->env_len = a->used - a->argv_len;
    *sp = at.vectors;
    return ok ? 0 : -ENOMEM;
}

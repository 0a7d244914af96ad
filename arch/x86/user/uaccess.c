// User copies: one instruction sequence each, whose faults the exception table turns into -EFAULT.
#include "arch/x86/uaccess.h"
#include "arch/x86/user/fpu.h"

// Linux's numbers, as in kernel/base/errno.h, which is above this layer.
enum { EFAULT = 14, ENAMETOOLONG = 36 };

// In the largest pieces that fit, so that a word in user memory is one access: a watchpoint on it
// counts once.
static inline int copy(void *to, const void *from, size_t n)
{
    int err = -EFAULT;
    size_t words = n / 8;
    user_access_begin();
    __asm__ volatile("1: rep movsq\n"
                     "   testb $7, %b4\n"
                     "   jz 7f\n"
                     "   testb $4, %b4\n"
                     "   jz 3f\n"
                     "2: movsl\n"
                     "3: testb $2, %b4\n"
                     "   jz 5f\n"
                     "4: movsw\n"
                     "5: testb $1, %b4\n"
                     "   jz 7f\n"
                     "6: movsb\n"
                     "7: xorl %0, %0\n"
                     "8:\n" EXTABLE(1b, 8b) EXTABLE(2b, 8b) EXTABLE(4b, 8b) EXTABLE(6b, 8b)
                     : "+r"(err), "+D"(to), "+S"(from), "+c"(words)
                     : "q"(n)
                     : "memory", "cc");
    user_access_end();
    return err;
}

int copy_from_user(void *to, u64 from, size_t n)
{
    return user_range_ok(from, n) ? copy(to, (const void *)from, n) : -EFAULT;
}

int copy_to_user(u64 to, const void *from, size_t n)
{
    return user_range_ok(to, n) ? copy((void *)to, from, n) : -EFAULT;
}

int copy_from_user_atomic(void *to, u64 from, size_t n)
{
    u64 cr2 = read_cr2(); // we may have interrupted who has not read it yet
    preempt_count_inc();  // trap.c then refuses the page fault
    int err = copy_from_user(to, from, n);
    preempt_count_dec();
    if (err)
        write_cr2(cr2);
    return err;
}

int clear_user(u64 to, size_t n)
{
    int err = -EFAULT;
    size_t words = n / 8;
    if (!user_range_ok(to, n))
        return -EFAULT;
    user_access_begin();
    __asm__ volatile("1: rep stosq\n"
                     "   mov %3, %2\n"
                     "2: rep stosb\n"
                     "   xorl %0, %0\n"
                     "3:\n" EXTABLE(1b, 3b) EXTABLE(2b, 3b)
                     : "+r"(err), "+D"(to), "+c"(words)
                     : "r"(n % 8), "a"(0ull)
                     : "memory", "cc");
    user_access_end();
    return err;
}

ssize_t strncpy_from_user(char *to, u64 from, size_t max)
{
    if (from >= TASK_SIZE_MAX)
        return -EFAULT;
    size_t limit = MIN(max, TASK_SIZE_MAX - from);
    size_t left = limit;
    int err = -EFAULT;
    u8 last = 1;
    user_access_begin();
    __asm__ volatile("1: testq %2, %2\n"
                     "   jz 3f\n"
                     "2: lodsb\n"
                     "   stosb\n"
                     "   decq %2\n"
                     "   testb %b3, %b3\n"
                     "   jnz 1b\n"
                     "3: xorl %4, %4\n"
                     "4:\n" EXTABLE(2b, 4b)
                     : "+D"(to), "+S"(from), "+r"(left), "+a"(last), "+r"(err)
                     :
                     : "memory", "cc");
    user_access_end();
    if (err)
        return err;
    if (!last)
        return (ssize_t)(limit - left - 1);
    return limit == max ? -ENAMETOOLONG : -EFAULT;
}

int fpu_save_user(u64 to)
{
    int err = -EFAULT;
    if (!user_range_ok(to, sizeof(struct fpu_state)))
        return err;
    user_access_begin();
    __asm__ volatile("1: fxsave64 (%1)\n"
                     "2: movq $0, %c2(%1)\n"
                     "   xorl %0, %0\n"
                     "3:\n" EXTABLE(1b, 3b) EXTABLE(2b, 3b)
                     : "+r"(err)
                     : "r"(to), "i"(offsetof(struct fpu_state, software))
                     : "memory", "cc");
    user_access_end();
    return err;
}

int fpu_load_user(u64 from)
{
    int err = -EFAULT;
    if (!user_range_ok(from, sizeof(struct fpu_state)))
        return err;
    user_access_begin();
    __asm__ volatile("1: fxrstor64 (%1)\n"
                     "   xorl %0, %0\n"
                     "2:\n" EXTABLE(1b, 2b)
                     : "+r"(err)
                     : "r"(from)
                     : "memory", "cc");
    user_access_end();
    return err;
}

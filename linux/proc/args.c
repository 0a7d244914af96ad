// The argument strings of execve on their way from the old program to the new one.
#include "arch/x86/uaccess.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"
#include "linux/proc/exec.h"

// Makes room for n more bytes and one more pointer. 0, -E2BIG, -ENOMEM.
static int reserve(struct exec_args *a, size_t n)
{
    size_t pointers = (a->argc + a->envc + 1) * sizeof(u64);
    if (a->used + n + pointers > ARG_MAX)
        return -E2BIG;
    if (a->used + n <= a->size)
        return 0;
    size_t size = a->size ? a->size : PAGE_SIZE;
    while (size < a->used + n)
        size *= 2;
    char *buf = kalloc(size);
    if (!buf)
        return -ENOMEM;
    memcpy(buf, a->buf, a->used);
    kfree(a->buf);
    a->buf = buf;
    a->size = size;
    return 0;
}

static void added(struct exec_args *a, size_t n, bool env)
{
    a->used += n;
    if (env) {
        a->envc++;
    } else {
        a->argc++;
        a->argv_len += n;
    }
}

int args_add(struct exec_args *a, const char *s, bool env)
{
    size_t n = strlen(s) + 1;
    int err = reserve(a, n);
    if (err)
        return err;
    memcpy(a->buf + a->used, s, n);
    added(a, n, env);
    return 0;
}

static int add_user(struct exec_args *a, u64 ustring, bool env)
{
    size_t room = 128; // most strings are short
    for (;;) {
        int err = reserve(a, room);
        if (err)
            return err;
        room = a->size - a->used;
        ssize_t n = strncpy_from_user(a->buf + a->used, ustring, room);
        if (n >= 0) {
            err = reserve(a, n + 1);
            if (!err)
                added(a, n + 1, env);
            return err;
        }
        if (n != -ENAMETOOLONG)
            return n;
        room++;
    }
}

int args_add_user(struct exec_args *a, u64 uvector, bool env)
{
    u64 ustring;
    for (; uvector; uvector += sizeof(ustring)) { // a NULL vector is an empty one
        if (get_user(ustring, uvector))
            return -EFAULT;
        if (!ustring)
            break;
        int err = add_user(a, ustring, env);
        if (err)
            return err;
    }
    return 0;
}

int args_prepend(struct exec_args *a, const char *const *s, int n)
{
    size_t skip = a->argc ? strlen(a->buf) + 1 : 0;
    struct exec_args new = {0};
    int err = 0;
    for (int i = 0; i < n && !err; i++)
        err = args_add(&new, s[i], false);
    if (!err)
        err = reserve(&new, a->used - skip);
    if (err) {
        args_free(&new);
        return err;
    }
    memcpy(new.buf + new.used, a->buf + skip, a->used - skip);
    new.used += a->used - skip;
    new.argv_len += a->argv_len - skip;
    new.argc += a->argc - (a->argc > 0);
    new.envc = a->envc;
    kfree(a->buf);
    *a = new;
    return 0;
}

void args_free(struct exec_args *a)
{
    kfree(a->buf);
    *a = (struct exec_args){0};
}

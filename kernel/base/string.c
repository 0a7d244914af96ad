// Memory and string functions.
#include "kernel/base/string.h"
#include "arch/x86/rep.h"

void *memcpy(void *to, const void *from, size_t n)
{
    rep_copy(to, from, n);
    return to;
}

void *memset(void *to, int c, size_t n)
{
    rep_fill(to, (u8)c, n);
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    size_t equal = 8 * rep_equal(a, b, n / 8);
    const u8 *x = (const u8 *)a + equal, *y = (const u8 *)b + equal;
    for (n -= equal; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) {
        n++;
        barrier(); // or the compiler makes a call to strlen of this loop
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, ~0ul);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++)
        if (!*a || *a != *b)
            return (u8)*a - (u8)*b;
    return 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}

bool strstarts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

void strcopy(char *to, const char *from, size_t size)
{
    size_t n = MIN(strlen(from), size - 1);
    memcpy(to, from, n);
    to[n] = 0;
}

u32 hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

bool parse_u64(const char *s, u64 *out)
{
    u32 base = 10;
    u64 v = 0;
    if (strstarts(s, "0x")) {
        base = 16;
        s += 2;
    }
    const char *first = s;
    for (; hex_digit(*s) < base; s++)
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, hex_digit(*s), &v))
            return false;
    if (s == first || strcmp(s + (*s == '\n'), ""))
        return false;
    *out = v;
    return true;
}

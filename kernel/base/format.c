// Formatting for the log and for /proc: vsnprintf() with the formats printk.h lists.
#include "kernel/base/ksym.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"

// Where the text goes. `len` grows past `size` so that the full length can be returned.
struct out {
    char *buf;
    size_t size, len;
};

struct spec {
    bool left, zero;      // not both
    int width, precision; // precision -1: none
    int bits;             // of the integer
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_padding(struct out *o, char c, int n)
{
    while (n-- > 0)
        put(o, c);
}

static void put_field(struct out *o, const struct spec *s, const char *prefix, const char *text,
                      int n)
{
    int padding = s->width - n - (int)strlen(prefix);
    if (!s->left && !s->zero)
        put_padding(o, ' ', padding);
    while (*prefix)
        put(o, *prefix++);
    if (s->zero)
        put_padding(o, '0', padding);
    while (n-- > 0)
        put(o, *text++);
    if (s->left)
        put_padding(o, ' ', padding);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
    int n = 0;
    if (!text)
        text = "(null)";
    while (n != s->precision && text[n])
        n++;
    put_field(o, s, "", text, n);
}

static void put_number(struct out *o, const struct spec *s, u64 v, u32 base, const char *prefix)
{
    char text[24], *end = text + sizeof(text), *first = end;
    do
        *--first = "0123456789abcdef"[v % base];
    while (v /= base);
    put_field(o, s, prefix, first, end - first);
}

static void put_symbol(struct out *o, const struct spec *s, u64 addr)
{
    u64 offset;
    const char *name = ksym_find(addr, &offset);
    if (!name) {
        put_number(o, s, addr, 16, "0x");
        return;
    }
    char text[96];
    snprintf(text, sizeof(text), "%s+0x%lx", name, offset);
    put_string(o, s, text);
}

static u64 get_integer(va_list *ap, int bits, bool is_signed)
{
    if (bits == 64)
        return va_arg(*ap, u64);
    u32 v = va_arg(*ap, u32);
    return is_signed ? (u64)(s32)v : v;
}

static int get_count(const char **p)
{
    int n = 0;
    while (**p >= '0' && **p <= '9')
        n = n * 10 + *(*p)++ - '0';
    return n;
}

static const char *parse_spec(const char *p, struct spec *s)
{
    *s = (struct spec){.precision = -1, .bits = 32};
    for (; *p == '-' || *p == '0'; p++)
        *(*p == '-' ? &s->left : &s->zero) = true;
    s->width = get_count(&p);
    s->zero = s->zero && !s->left;
    if (*p == '.') {
        p++;
        s->precision = get_count(&p);
    }
    while (*p == 'l' || *p == 'z') {
        s->bits = 64;
        p++;
    }
    return p;
}

// One conversion; p is at its letter. Returns what follows it.
static const char *convert(struct out *o, const struct spec *s, const char *p, va_list *ap)
{
    switch (*p) {
    case 'd': {
        s64 v = (s64)get_integer(ap, s->bits, true);
        put_number(o, s, v < 0 ? -(u64)v : (u64)v, 10, v < 0 ? "-" : "");
        break;
    }
    case 'u':
        put_number(o, s, get_integer(ap, s->bits, false), 10, "");
        break;
    case 'x':
        put_number(o, s, get_integer(ap, s->bits, false), 16, "");
        break;
    case 'p':
        if (p[1] == 'S') {
            put_symbol(o, s, va_arg(*ap, u64));
            return p + 2;
        }
        put_number(o, s, va_arg(*ap, u64), 16, "0x");
        break;
    case 's':
        put_string(o, s, va_arg(*ap, const char *));
        break;
    case 'c': {
        char c = (char)va_arg(*ap, int);
        put_field(o, s, "", &c, 1);
        break;
    }
    case '%':
        put(o, '%');
        break;
    default:
        panic("format: unknown conversion '%%%c'", *p);
    }
    return p + 1;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = {buf, size, 0};
    va_list ap;
    va_copy(ap, args); // a va_list parameter is a pointer, whose address is no va_list *
    while (*fmt) {
        if (*fmt != '%') {
            put(&o, *fmt++);
            continue;
        }
        struct spec s;
        fmt = parse_spec(fmt + 1, &s);
        fmt = convert(&o, &s, fmt, &ap);
    }
    va_end(ap);
    if (size)
        buf[MIN(o.len, size - 1)] = 0;
    return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

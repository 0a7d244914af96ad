// A text under construction: see printk.h.
#include "kernel/base/printk.h"

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
    va_end(ap);
    t->len = MIN(t->size, t->len + n);
}

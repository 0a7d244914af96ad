// What is traced: each request, a line of text, becomes a wide breakpoint.
#include "debug/ksym/ksym.h"
#include "debug/ksym/lookup.h"
#include "hwbp/hwbp.h"
#include "kernel/base/string.h"
#include "kernel/mm/heap.h"

#define REQUEST_MAX 128
#define REMOVE      0 // stands in the place of a bp_type

struct request {
    u64 addr, len, usual_len;
    int type; // HW_BREAKPOINT_W, _RW or REMOVE
};

struct filter {
    struct list node; // in the list `filters`
    struct request is;
    struct hwbp_wide *wide;
};

static struct mutex filters_lock; // guards the list and its members
static struct list filters = LIST_INIT(filters);

void ksym_filters_init(void)
{
    mutex_init(&filters_lock, "filters", RANK_FILTERS);
}

// ---- understanding ----

// "rw-", "-w-" or "---". Any other text is -EINVAL, because x86 cannot watch for reads alone, and a
// variable is not executed.
static int parse_access(const char *s)
{
    if (strcmp(s, "rw-") == 0)
        return HW_BREAKPOINT_RW;
    if (strcmp(s, "-w-") == 0)
        return HW_BREAKPOINT_W;
    return strcmp(s, "---") == 0 ? REMOVE : -EINVAL;
}

// Cuts the text at the mark and parses the number after it. True also when there is no mark.
static bool cut_number(char *text, char mark, u64 *number)
{
    char *at = strchr(text, mark);
    if (!at)
        return true;
    *at = '\0';
    return parse_u64(at + 1, number);
}

// Takes the text apart in place. 0, -EINVAL or -ENOENT.
static int parse(char *text, struct request *r)
{
    char *colon = strchr(text, ':');
    u64 offset = 0;
    u32 size;
    if (!colon)
        return -EINVAL;
    *colon = '\0';
    *r = (struct request){.type = parse_access(colon + 1)};
    bool has_len = strchr(text, '/');
    if (r->type < 0 || !cut_number(text, '/', &r->len) || !cut_number(text, '+', &offset))
        return -EINVAL;
    u64 base = ksym_lookup(text, &size);
    if (!base)
        return -ENOENT;
    if (offset && offset >= size)
        return -EINVAL;
    r->addr = base + offset;
    r->usual_len = ksym_fitting_len(r->addr, size - offset);
    if (!has_len)
        r->len = r->usual_len;
    return 0;
}

// Copies the text without the blanks at its ends. False when it is too long.
static bool strip(char *to, const char *text)
{
    while (*text == ' ')
        text++;
    size_t n = strlen(text);
    while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    strcopy(to, text, MIN(n + 1, REQUEST_MAX));
    return n < REQUEST_MAX;
}

// ---- doing; filters_lock held ----

static struct filter *find(u64 addr)
{
    struct filter *f;
    list_for_each (f, &filters, node)
        if (f->is.addr == addr)
            return f;
    return NULL;
}

static void drop(struct filter *f)
{
    hwbp_unregister_wide(f->wide);
    list_del(&f->node);
    kfree(f);
}

static void drop_all(void)
{
    struct filter *f, *next;
    list_for_each_safe (f, next, &filters, node)
        drop(f);
}

static int add(const struct request *r)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(attr),
        .pinned = 1,
        .bp_type = r->type,
        .bp_addr = r->addr,
        .bp_len = r->len,
    };
    struct filter *f = kalloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->is = *r;
    f->wide = hwbp_register_wide(&attr, ksym_trace_hit, NULL);
    if (IS_ERR(f->wide)) {
        int err = PTR_ERR(f->wide);
        kfree(f);
        return err;
    }
    list_add_tail(&f->node, &filters);
    return 0;
}

static int change(struct filter *f, const struct request *r)
{
    int err = hwbp_wide_modify(f->wide, r->addr, r->type, r->len);
    if (!err)
        f->is = *r;
    return err;
}

static int apply(const struct request *r)
{
    struct filter *f = find(r->addr);
    if (r->type != REMOVE)
        return f ? change(f, r) : add(r);
    if (!f)
        return -ENOENT;
    drop(f);
    return 0;
}

// ---- the files ----

int ksym_filter_write(const char *text, u64)
{
    char line[REQUEST_MAX];
    struct request r;
    if (!strip(line, text))
        return -EINVAL;
    bool all = !line[0] || strcmp(line, "0") == 0 || strcmp(line, "*:---") == 0;
    int err = all ? 0 : parse(line, &r);
    if (err)
        return err;
    mutex_lock(&filters_lock);
    if (all)
        drop_all();
    else
        err = apply(&r);
    mutex_unlock(&filters_lock);
    return err;
}

void ksym_filter_show(struct text *t, u64)
{
    struct filter *f;
    mutex_lock(&filters_lock);
    list_for_each (f, &filters, node) {
        ksym_add_name(t, f->is.addr);
        if (f->is.len != f->is.usual_len)
            text_add(t, "/%lu", f->is.len);
        text_add(t, ":%s\n", f->is.type == HW_BREAKPOINT_W ? "-w-" : "rw-");
    }
    mutex_unlock(&filters_lock);
}

void ksym_stat_show(struct text *t, u64)
{
    struct filter *f;
    text_add(t, "  Access Type        Hits   Symbol\n");
    text_add(t, "  -----------  ----------   ------\n");
    mutex_lock(&filters_lock);
    list_for_each (f, &filters, node) {
        text_add(t, "  %-11s  %10lu   ", f->is.type == HW_BREAKPOINT_W ? "W" : "RW",
                 hwbp_wide_count(f->wide));
        ksym_add_name(t, f->is.addr);
        text_add(t, "\n");
    }
    mutex_unlock(&filters_lock);
}

// Reads the cpio archive. Its bytes stay where the loader has put them, and the tree's nodes point
// to them.
#include "linux/fs/archive.h"

#include "kernel/base/printk.h"
#include "kernel/base/string.h"
#include "linux/fs/vfs.h"

// The header is 110 bytes of text: the magic, then thirteen numbers of eight hexadecimal digits
// each.
#define MAGIC     "070701"
#define MAGIC_LEN 6
#define DIGITS    8
#define FIELDS    13
#define HEADER    (MAGIC_LEN + FIELDS * DIGITS)
#define TRAILER   "TRAILER!!!"

enum { FIELD_MODE = 1, FIELD_MTIME = 5, FIELD_SIZE = 6, FIELD_NAMESIZE = 11 };

static bool parse_fields(const u8 *digits, u64 value[FIELDS])
{
    for (int i = 0; i < FIELDS * DIGITS; i++) {
        u32 digit = hex_digit(digits[i]);
        if (digit > 15)
            return false;
        value[i / DIGITS] = (i % DIGITS ? value[i / DIGITS] << 4 : 0) | digit;
    }
    return true;
}

// Reads the entry at *at and moves *at after it. Returns NULL, or says in words what is wrong.
// e->name is NULL until the name is known to be good.
static const char *parse_entry(const u8 *data, u64 len, u64 *at, struct archive_entry *e)
{
    u64 left = len - *at, value[FIELDS], name_end;
    e->name = NULL;
    if (left < HEADER)
        return "is missing or cut off: the archive ends before its TRAILER!!!";
    if (memcmp(data + *at, MAGIC, MAGIC_LEN) != 0)
        return "does not start with the magic of a newc cpio archive";
    if (!parse_fields(data + *at + MAGIC_LEN, value))
        return "has a header that is no hexadecimal number";
    if (value[FIELD_NAMESIZE] < 2 || value[FIELD_NAMESIZE] > FS_PATH_MAX)
        return "has a name of impossible length";
    if (value[FIELD_NAMESIZE] > left - HEADER)
        return "has a name that runs past the archive's end";

    name_end = HEADER + value[FIELD_NAMESIZE];
    for (u64 i = HEADER; i < name_end; i++) {
        if ((data[*at + i] == 0) != (i == name_end - 1))
            return "has a name that does not end where it should";
    }
    e->name = (const char *)data + *at + HEADER;
    e->mode = value[FIELD_MODE];
    e->mtime = value[FIELD_MTIME];
    e->size = value[FIELD_SIZE];
    // Name and data are padded to four bytes. Only the very last padding may be missing.
    name_end = ALIGN_UP(name_end, 4);
    if (name_end > left || e->size > left - name_end) {
        if (e->size == 0 && strcmp(e->name, TRAILER) == 0)
            return NULL;
        return "runs past its end";
    }
    e->data = data + *at + name_end;
    *at += MIN(left, ALIGN_UP(name_end + e->size, 4));
    return NULL;
}

// Turns a name, which may hold any byte, into plain text of limited length for the screen.
static void printable(char *to, const char *from, size_t size)
{
    strcopy(to, from, size);
    for (; *to; to++) {
        if (*to < ' ' || *to > '~')
            *to = '?';
    }
}

bool archive_parse(const u8 *data, u64 len, const char *(*fn)(const struct archive_entry *e),
                   char *why, size_t size)
{
    struct archive_entry e;
    char name[64];
    u64 at = 0;
    for (u32 number = 1;; number++) {
        const char *wrong = parse_entry(data, len, &at, &e);

        if (!wrong && strcmp(e.name, TRAILER) == 0)
            return true;
        if (!wrong)
            wrong = fn(&e);
        if (!wrong)
            continue;
        if (e.name) {
            printable(name, e.name, sizeof(name));
            snprintf(why, size, "entry %u (%s) %s", number, name, wrong);
        } else {
            snprintf(why, size, "entry %u %s", number, wrong);
        }
        return false;
    }
}

static void set_time(struct node *n, const struct archive_entry *e)
{
    n->atime = n->mtime = n->ctime = (struct file_time){.sec = (s64)e->mtime};
}

static const char *add_last(struct node *dir, const char *name, size_t len,
                            const struct archive_entry *e)
{
    struct node *n = node_child(dir, name, len);
    if (n && node_is(n, S_IFDIR) && (e->mode & S_IFMT) == S_IFDIR) {
        set_time(n, e);
        return NULL;
    }
    if (n)
        return "is there twice";
    n = node_new(dir, name, len, e->mode & (S_IFMT | 07777), 0);
    if (!n)
        return "finds no memory";
    set_time(n, e);
    n->data = e->data;
    n->size = node_is(n, S_IFDIR) ? 0 : e->size;
    node_link(n);
    return NULL;
}

const char *archive_add(const struct archive_entry *e)
{
    struct archive_entry parent = {.mode = S_IFDIR | 0755, .mtime = e->mtime};
    struct node *dir = fs_root;
    const char *p = e->name;
    u32 type = e->mode & S_IFMT;
    if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK)
        return "is neither file nor directory nor link";
    for (;;) {
        const char *part, *wrong;
        size_t len;
        while (*p == '/')
            p++;
        for (part = p; *p && *p != '/'; p++)
            ;
        len = p - part;
        if (len == 0 || (len == 1 && *part == '.')) {
            if (*p)
                continue;
            return type == S_IFDIR ? NULL : "has no name of its own";
        }
        if (len == 2 && part[0] == '.' && part[1] == '.')
            return "has a name with ..";
        if (len > FS_NAME_MAX)
            return "has a name of impossible length";
        if (!*p)
            return add_last(dir, part, len, e);
        if (!node_child(dir, part, len)) {
            wrong = add_last(dir, part, len, &parent);
            if (wrong)
                return wrong;
        }
        dir = node_child(dir, part, len);
        if (!node_is(dir, S_IFDIR))
            return "lies below something that is no directory";
    }
}

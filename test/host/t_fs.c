// link: linux/fs/line.c linux/fs/naws.c linux/fs/archive.c linux/fs/tree.c linux/fs/path.c
// Files on the host: archives good and broken, paths, and the line discipline. An archive is
// copied to memory of exactly its size, so the sanitizer sees each byte read beyond it.
#define _GNU_SOURCE // memmem
#include <ctype.h>
#include <string.h>

#include "test/host/ktap.h"

#undef SEEK_SET
#undef SEEK_CUR
#undef SEEK_END
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "linux/fs/archive.h"
#include "linux/fs/file.c"
#include "linux/fs/line.h"
#include "linux/fs/naws.h"
#include "linux/fs/plain.c"
#include "linux/fs/vfs.h"
#include "linux/task/signal.h"

u64 rlimit_soft(u32)
{
    return RLIM_INFINITY;
}

bool sched_killed(void)
{
    return false;
}

// ---- functions of the rest of the kernel that the files call ----

struct boot_info boot_info;

u64 clock_ns(void)
{
    return 0;
}

u64 clock_boot_epoch(void)
{
    return 0;
}

void *kalloc(size_t size)
{
    return calloc(1, size);
}

void kfree(void *p)
{
    free(p);
}

void mutex_init(struct mutex *m, const char *, enum lock_rank)
{
    m->holder = 0;
}

void mutex_lock(struct mutex *m)
{
    if (m->holder)
        panic("mutex taken twice");
    m->holder = (u64)m;
}

void mutex_unlock(struct mutex *m)
{
    m->holder = 0;
}

void spin_init(struct spinlock *, const char *, enum lock_rank)
{
}

void spin_lock(struct spinlock *)
{
}

void spin_unlock(struct spinlock *)
{
}

void wait_init(struct wait_queue *q)
{
    list_init(&q->waiters);
}

u32 hex_digit(char c)
{
    char text[] = {c, 0};
    return isxdigit(c) ? strtoul(text, NULL, 16) : 16;
}

void strcopy(char *to, const char *from, size_t size)
{
    snprintf(to, size, "%s", from);
}

int copy_to_user(u64 to, const void *from, size_t n)
{
    memcpy((void *)to, from, n);
    return 0;
}

void boot_refuse(const char *why)
{
    panic("%s", why);
}

void dev_init(void)
{
}

void procfs_init(void)
{
}

void sysfs_init(void)
{
}

void tmpfs_init(void)
{
}

// ---- archives ----

static u8 image[8192];
static u64 image_len;

static void put(const void *bytes, size_t n)
{
    memcpy(image + image_len, bytes, n);
    image_len = (image_len + n + 3) & ~3ul;
}

static void add_entry(const char *name, u32 mode, const char *data)
{
    char header[256];
    int n = snprintf(header, sizeof(header),
                     "070701%08x%08x%08x%08x%08x%08x%08lx%08x%08x%08x%08x%08lx%08x%s", 0, mode, 0,
                     0, 1, 1234, strlen(data), 0, 0, 0, 0, strlen(name) + 1, 0, name);

    put(header, n + 1);
    put(data, strlen(data));
}

static void make_archive(void)
{
    memset(image, 0, sizeof(image));
    image_len = 0;
    add_entry("bin", S_IFDIR | 0755, "");
    add_entry("bin/sh", S_IFREG | 0755, "hello");
    add_entry("./etc/deep/motd", S_IFREG | 0644, "message"); // missing parents are made
    add_entry("link", S_IFLNK | 0777, "bin/sh");
    add_entry("dirs", S_IFLNK | 0777, "/etc/deep");
    add_entry("loop", S_IFLNK | 0777, "loop");
    add_entry("TRAILER!!!", 0, "");
}

static const char *accept(const struct archive_entry *e)
{
    // Touches every byte, for the sanitizer.
    return strlen(e->name) && memchr(e->data, 0, e->size) == NULL ? NULL : "is odd";
}

static bool parse_copy(u64 len, char *why)
{
    u8 *exact = malloc(len + !len);
    bool ok;

    memcpy(exact, image, len);
    ok = archive_parse(exact, len, accept, why, 256);
    free(exact);
    return ok;
}

static void expect_broken(const char *words)
{
    char why[256] = "";

    EXPECT(!parse_copy(image_len, why));
    if (strcmp(why, words) != 0)
        ktest_fail(__FILE__, __LINE__, "said \"%s\", want \"%s\"", why, words);
    make_archive();
}

static void t_truncated(void)
{
    char why[256];
    u64 trailer;

    make_archive();
    EXPECT(parse_copy(image_len, why));
    trailer = (u8 *)memmem(image, image_len, "TRAILER!!!", 11) - image + 11;
    for (u64 len = 0; len < trailer; len++)
        EXPECT(!parse_copy(len, why));
    image_len = 112 + 8 + 110; // "bin" and the header of "bin/sh"
    expect_broken("entry 2 has a name that runs past the archive's end");
    image_len = (u8 *)memmem(image, image_len, "hello", 5) - image + 2;
    expect_broken("entry 2 (bin/sh) runs past its end");
}

static void t_broken(void)
{
    make_archive();
    image[0] = 'x';
    expect_broken("entry 1 does not start with the magic of a newc cpio archive");
    image[20] = 'g';
    expect_broken("entry 1 has a header that is no hexadecimal number");
    memcpy(image + 94, "ffffffff", 8);
    expect_broken("entry 1 has a name of impossible length");
    memcpy(image + 94, "00000003", 8);
    expect_broken("entry 1 has a name that does not end where it should");
    memcpy(image + 54, "ffffffff", 8);
    expect_broken("entry 1 (bin) runs past its end");
    memcpy(memmem(image, image_len, "TRAILER", 7), "trailer", 7);
    expect_broken("entry 8 is missing or cut off: the archive ends before its TRAILER!!!");
}

static void t_bad_entries(void)
{
    static const struct {
        const char *name, *why;
        u32 mode;
    } rows[] = {
        {"../x", "has a name with ..", S_IFREG},
        {"/", "has no name of its own", S_IFREG},
        {"null", "is neither file nor directory nor link", S_IFCHR},
        {"bin/sh", "is there twice", S_IFREG},
        {"bin", "is there twice", S_IFREG},
        {"bin/sh/x", "lies below something that is no directory", S_IFREG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct archive_entry e = {.name = rows[i].name, .mode = rows[i].mode};
        const char *why = archive_add(&e);

        EXPECT(why && strcmp(why, rows[i].why) == 0);
    }
}

// ---- paths in that archive ----

// The size of the file at the end of a path, or -errno.
static s64 size_of(const char *cwd, const char *path)
{
    struct node *at = vfs_lookup(fs_root, cwd, true), *n;
    struct stat st;

    if (IS_ERR(at))
        return PTR_ERR(at);
    n = vfs_lookup(at, path, true);
    node_put(at);
    if (IS_ERR(n))
        return PTR_ERR(n);
    node_stat(n, &st);
    node_put(n);
    return st.st_size;
}

static void t_paths(void)
{
    static const struct {
        const char *cwd, *path;
        s64 want; // size or -errno
    } rows[] = {
        {"/", "/bin/sh", 5},         {"/bin", "sh", 5},
        {"/bin", ".././bin//sh", 5}, {"/", "../../bin/sh", 5},
        {"/", "etc/deep/motd", 7},   {"/", "link", 5},
        {"/", "dirs/motd", 7},       {"/bin", "/dirs/../../bin/sh", 5},
        {"/", "", -ENOENT},          {"/", "nothing", -ENOENT},
        {"/nothing", "sh", -ENOENT}, {"/", "bin/sh/", -ENOTDIR},
        {"/", "bin/sh/x", -ENOTDIR}, {"/", "link/", -ENOTDIR},
        {"/", "loop", -ELOOP},       {"/", "loop/x", -ELOOP},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        s64 got = size_of(rows[i].cwd, rows[i].path);

        if (got != rows[i].want)
            ktest_fail(__FILE__, __LINE__, "%s in %s: %ld", rows[i].path, rows[i].cwd, (long)got);
    }
}

static void t_path_errors(void)
{
    char longer[FS_PATH_MAX + 1], text[16];
    struct node *n;

    memset(longer, '/', FS_PATH_MAX);
    longer[FS_PATH_MAX] = '\0';
    EXPECT_EQ(size_of("/", longer), -ENAMETOOLONG);
    memset(longer, 'n', FS_NAME_MAX + 1);
    longer[FS_NAME_MAX + 1] = '\0';
    EXPECT_EQ(size_of("/", longer), -ENAMETOOLONG);
    EXPECT_EQ(PTR_ERR(vfs_open(fs_root, "/bin/sh", O_WRONLY, 0)), -EROFS);
    EXPECT_EQ(PTR_ERR(vfs_open(fs_root, "/bin/new", O_WRONLY | O_CREAT, 0)), -EROFS);
    EXPECT_EQ(PTR_ERR(vfs_open(fs_root, "/bin/sh", O_RDONLY | O_CREAT | O_EXCL, 0)), -EEXIST);
    EXPECT_EQ(PTR_ERR(vfs_open(fs_root, "/bin", O_RDWR, 0)), -EISDIR);
    EXPECT_EQ(PTR_ERR(vfs_open(fs_root, "/bin/sh", O_DIRECTORY, 0)), -ENOTDIR);
    EXPECT_EQ(PTR_ERR(vfs_open(fs_root, "/link", O_NOFOLLOW, 0)), -ELOOP);
    EXPECT_EQ(vfs_unlink(fs_root, "bin/sh", false), -EROFS);
    n = vfs_lookup(fs_root, "link", false);
    EXPECT_EQ(node_readlink(n, text, 3), 3);
    node_put(n);
    n = vfs_lookup(fs_root, "dirs/../deep/.", false);
    EXPECT_EQ(node_readlink(n, text, 3), -EINVAL);
    EXPECT_EQ(node_path(n, text, sizeof(text)), 0);
    EXPECT(strcmp(text, "/etc/deep") == 0);
    EXPECT_EQ(node_path(n, text, 9), -ENAMETOOLONG);
    node_put(n);
}

// ---- the line discipline ----

static struct line line;
static char echoed[256];
static size_t nr_echoed;

static void echo(const char *s, size_t n)
{
    for (size_t i = 0; i < n && nr_echoed < sizeof(echoed) - 1; i++)
        echoed[nr_echoed++] = s[i];
    echoed[nr_echoed] = '\0';
}

static void type(const char *keys)
{
    nr_echoed = 0;
    echoed[0] = '\0';
    while (*keys)
        line_input(&line, (u8)*keys++);
}

static void expect_read(const char *want, size_t room, bool want_more)
{
    u8 got[64];
    bool more;
    size_t n;

    EXPECT(line_ready(&line));
    n = line_take(&line, got, room, &more);
    EXPECT_EQ(n, strlen(want));
    EXPECT(memcmp(got, want, n) == 0);
    EXPECT_EQ(more, want_more);
}

static void t_line_editing(void)
{
    line_init(&line, echo);
    type("abc\x7f"
         "d\r");
    EXPECT(strcmp(echoed, "abc\b \bd\r\n") == 0);
    expect_read("abd\n", 64, false);
    type("one two  \x17three\n");
    expect_read("one three\n", 64, false);
    type("gone\x15kept\n");
    expect_read("kept\n", 64, false);
    type("\xc3\xa9\x7f"); // one character of two bytes: one column
    EXPECT(strcmp(echoed, "\xc3\xa9\b \b") == 0);
    type("\x01\x7f"); // a control character: two columns
    EXPECT(strcmp(echoed, "^A\b \b\b \b") == 0);
    type("\x7f\x17\x15"); // nothing is left to erase
    EXPECT_EQ(nr_echoed, 0);
    EXPECT(!line_ready(&line));
    type("two\nlines\n");
    expect_read("tw", 2, true);
    expect_read("o\n", 64, false);
    expect_read("lines\n", 64, false);
}

static void t_line_end(void)
{
    line_init(&line, echo);
    type("ab\x04");
    expect_read("ab", 2, false); // the mark after a full buffer is no end of file
    EXPECT(!line_ready(&line));
    type("\x04");
    expect_read("", 64, false);
    EXPECT(!line_ready(&line));
    for (u32 i = 0; i < 2 * LINE_RING; i++)
        line_input(&line, 'x');
    EXPECT(!line_ready(&line));
    line_input(&line, '\n'); // a line that is too long can still be ended
    EXPECT_EQ(line_available(&line), LINE_RING);
    line_input(&line, '\n');
    EXPECT_EQ(line_available(&line), LINE_RING);
}

static void t_line_signals(void)
{
    line_init(&line, echo);
    type("half");
    EXPECT_EQ(line_input(&line, 3), SIGINT);
    EXPECT(strcmp(echoed, "half^C") == 0);
    EXPECT_EQ(line_input(&line, 0x1c), SIGQUIT);
    EXPECT_EQ(line_input(&line, 0x1a), SIGTSTP);
    type("\n");
    expect_read("\n", 64, false);
}

static void t_line_raw(void)
{
    struct termios t;
    u8 got[256];
    bool more;

    line_init(&line, echo);
    type("pre");
    t = line.t;
    t.c_iflag = t.c_oflag = t.c_lflag = 0;
    line_set_modes(&line, &t);
    expect_read("pre", 64, false);
    nr_echoed = 0;
    for (int c = 0; c < 256; c++)
        EXPECT_EQ(line_input(&line, c), 0);
    EXPECT_EQ(nr_echoed, 0);
    EXPECT_EQ(line_take(&line, got, sizeof(got), &more), 256);
    for (int c = 0; c < 256; c++)
        EXPECT_EQ(got[c], c);
    EXPECT_EQ(line_output(&line, "a\nb", 3, (char *)got), 3);
    line_init(&line, echo);
    EXPECT_EQ(line_output(&line, "a\nb", 3, (char *)got), 4);
}

// Gives these bytes to `n`. Returns how many of them were typed.
static u32 send_naws(struct naws *n, const char *bytes, size_t count, enum naws_answer *last)
{
    u32 typed = 0;
    for (size_t i = 0; i < count; i++) {
        *last = naws_input(n, bytes[i]);
        typed += *last == NAWS_TYPED;
    }
    return typed;
}
#define SEND_NAWS(n, bytes, last) send_naws(n, bytes, sizeof(bytes) - 1, last)

static void t_terminal_size(void)
{
    struct naws n = {0};
    enum naws_answer last;
    EXPECT_EQ(SEND_NAWS(&n, "a\377\372\037\0\204\0\062\377\360", &last), 1);
    EXPECT_EQ(last, NAWS_RESIZED);
    EXPECT_EQ(naws_columns(&n), 132);
    EXPECT_EQ(naws_rows(&n), 50);
    // A byte of 255 is sent twice, in a number and outside of it.
    EXPECT_EQ(SEND_NAWS(&n, "\377\372\037\1\377\377\0\030\377\360", &last), 0);
    EXPECT_EQ(last, NAWS_RESIZED);
    EXPECT_EQ(naws_columns(&n), 511);
    EXPECT_EQ(naws_rows(&n), 24);
    EXPECT_EQ(SEND_NAWS(&n, "\377\377", &last), 1);
    // Too short, too long, another command: no size, and what follows is typed again.
    EXPECT_EQ(SEND_NAWS(&n, "\377\372\037\1\2\3\377\360", &last), 0);
    EXPECT_EQ(last, NAWS_TAKEN);
    EXPECT_EQ(SEND_NAWS(&n, "\377\372\037\1\2\3\4\5\377\360", &last), 0);
    EXPECT_EQ(last, NAWS_TAKEN);
    EXPECT_EQ(SEND_NAWS(&n, "\377\361xy", &last), 2);
}

static void t_good(void)
{
    char why[256] = "";

    file_max = UINT64_MAX;
    fs_init();
    make_archive();
    EXPECT(archive_parse(image, image_len, archive_add, why, sizeof(why)));
}

static const struct ktap_case cases[] = {
    {"archive-truncated", t_truncated},
    {"archive-broken", t_broken},
    {"archive-good", t_good},
    {"archive-bad-entries", t_bad_entries},
    {"paths", t_paths},
    {"path-errors", t_path_errors},
    {"line-editing", t_line_editing},
    {"line-end", t_line_end},
    {"line-signals", t_line_signals},
    {"line-raw", t_line_raw},
    {"terminal-size", t_terminal_size},
};

KTAP_MAIN(cases)

// link: kernel/base on the host: formatting against the C library's own, strings, the command line.
// The sources are included under other names, so that they do not replace the C library in this
// test.
#include <limits.h>
#include <string.h>

#include "test/host/ktap.h"
#include "kernel/base/ksym.h"

#define vsnprintf k_vsnprintf
#define snprintf  k_snprintf
#define memcpy    k_memcpy
#define memset    k_memset
#define memcmp    k_memcmp
#define strlen    k_strlen
#define strcmp    k_strcmp
#define strncmp   k_strncmp
#define strchr    k_strchr
#include "kernel/base/string.c"
#define put fmt_put // format.c's
#include "kernel/base/format.c"
#include "kernel/base/cmdline.c"
#undef vsnprintf
#undef snprintf
#undef memcpy
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr

static int complaints; // lines given to printk()

void printk(const char *, ...)
{
    complaints++;
}

const char *ksym_find(u64 addr, u64 *offset)
{
    if (addr < 0x1000 || addr >= 0x2000)
        return NULL;
    *offset = addr - 0x1000;
    return "schedule";
}

static void expect_text(const char *got, const char *want, int line)
{
    if (strcmp(got, want) != 0)
        ktest_fail(__FILE__, line, "\"%s\", want \"%s\"", got, want);
}
#define EXPECT_TEXT(got, want) expect_text(got, want, __LINE__)

// The same format and argument through both, also cut off at every length.
#define SAME(fmt, ...)                                                                             \
    do {                                                                                           \
        char want_[200], got_[200];                                                                \
        int n_ = snprintf(want_, sizeof(want_), fmt, __VA_ARGS__);                                 \
        for (int size_ = n_ + 1; size_ > 0; size_ = size_ > 3 ? size_ / 2 : size_ - 1) {           \
            memset(got_, '#', sizeof(got_));                                                       \
            EXPECT_EQ(k_snprintf(got_, size_, fmt, __VA_ARGS__), n_);                              \
            EXPECT(got_[size_] == '#');                                                            \
            want_[size_ - 1] = 0;                                                                  \
            EXPECT_TEXT(got_, want_);                                                              \
        }                                                                                          \
    } while (0)

static void format_numbers(void)
{
    static const u64 values[] = {0,
                                 1,
                                 9,
                                 10,
                                 255,
                                 4096,
                                 INT_MAX,
                                 (u64)INT_MIN,
                                 UINT_MAX,
                                 LONG_MAX,
                                 (u64)LONG_MIN,
                                 ULONG_MAX,
                                 0x123456789abcdef0};
    static const char *const flags[] = {"", "-", "0", "-0"}, *const widths[] = {"", "1", "7", "24"};
    static const char *const lengths[] = {"", "l", "ll", "z"};
    for (size_t i = 0; i < 3 * 4 * 4 * 4; i++) {
        char fmt[16];
        const char *length = lengths[i / 16 % 4];
        snprintf(fmt, sizeof(fmt), "[%%%s%s%s%c]", flags[i % 4], widths[i / 4 % 4], length,
                 "dux"[i / 64]);
        for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
            if (*length)
                SAME(fmt, values[v]);
            else
                SAME(fmt, (u32)values[v]);
        }
    }
    SAME("%6d|%-6d|", 42, 42);
}

static void format_text(void)
{
    char buf[40];
    SAME("%s|%10s|%-10s|%.3s|%8.2s|%.0s|", "text", "text", "text", "text", "text", "text");
    SAME("%c%5c%-5c%%", 'a', 'b', 'c');
    SAME("%p", (void *)0xffffffff80100000);
    char unended[3] = {'a', 'b', 'c'};
    SAME("%.3s", unended);
    EXPECT_EQ(k_snprintf(NULL, 0, "%d", 12345), 5);
    k_snprintf(buf, sizeof(buf), "%pS %pS", (void *)0x1234, (void *)0x3000);
    EXPECT_TEXT(buf, "schedule+0x234 0x3000");
    char *volatile null = NULL;
    k_snprintf(buf, sizeof(buf), "%s", null);
    EXPECT_TEXT(buf, "(null)");
    const char *unknown = "%q";
    EXPECT_PANIC(k_snprintf(buf, sizeof(buf), unknown));
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void memory(void)
{
    u8 got[64], want[64];
    for (int from = 0; from < 24; from++) {
        for (int to = 0; to < 24; to++) {
            for (int n = 0; n < 40; n++) {
                for (int i = 0; i < 64; i++)
                    got[i] = want[i] = i * 7;
                u8 copy[64] = {0};
                k_memcpy(copy + to, want + from, n);
                EXPECT(memcmp(copy + to, want + from, n) == 0 && copy[to + n] == 0);
                k_memset(got + to, to * 11, n);
                memset(want + to, to * 11, n);
                EXPECT(memcmp(got, want, 64) == 0);
            }
        }
    }
    EXPECT(k_memcmp("\x80", "\x7f", 1) > 0);
    EXPECT(k_memcmp("ab", "ac", 1) == 0);
}

static void strings(void)
{
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\xff", "ab c"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        EXPECT_EQ(k_strlen(words[i]), strlen(words[i]));
        EXPECT(k_strchr(words[i], 'b') == strchr(words[i], 'b'));
        EXPECT(k_strchr(words[i], 0) == strchr(words[i], 0));
        for (size_t j = 0; j < ARRAY_SIZE(words); j++) {
            const char *a = words[i], *b = words[j];
            EXPECT_EQ(sign(k_strcmp(a, b)), sign(strcmp(a, b)));
            EXPECT_EQ(strstarts(a, b), strncmp(a, b, strlen(b)) == 0);
            for (size_t n = 0; n < 5; n++)
                EXPECT_EQ(sign(k_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        }
    }
    for (size_t size = 1; size < 8; size++) {
        char buf[8] = "#######", want[8];
        strcopy(buf, "abcd", size);
        snprintf(want, size, "abcd");
        EXPECT_TEXT(buf, want);
        EXPECT(size >= 5 || buf[size] == '#' || size == 7);
    }
}

static void numbers(void)
{
    static const struct {
        const char *text;
        bool valid;
        u64 value;
    } rows[] = {
        {"0", true, 0},     {"42", true, 42},
        {"0x2a", true, 42}, {"0xFf", true, 255},
        {"7\n", true, 7},   {"18446744073709551615", true, ~0ull},
        {"007", true, 7},   {"18446744073709551616", false, 0},
        {"", false, 0},     {"0xffffffffffffffff", true, ~0ull},
        {"0x", false, 0},   {"0x10000000000000000", false, 0},
        {"-1", false, 0},   {"1 ", false, 0},
        {"a", false, 0},    {"1a", false, 0},
        {"0xg", false, 0},  {"1\n\n", false, 0},
        {"\n", false, 0},   {" 1", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        u64 v = 99;
        bool valid = parse_u64(rows[i].text, &v);
        if (valid != rows[i].valid || v != (valid ? rows[i].value : 99))
            ktest_fail(__FILE__, __LINE__, "\"%s\": %d %lu", rows[i].text, valid, (long)v);
    }
}

static void expect_key(const char *key, const char *want, int line)
{
    char buf[16] = "untouched";
    bool found = cmdline_get(key, buf, sizeof(buf));
    if (found != (want != NULL))
        ktest_fail(__FILE__, line, "key \"%s\" found: %d", key, found);
    expect_text(buf, want ? want : "untouched", line);
}
#define EXPECT_KEY(key, want) expect_key(key, want, __LINE__)

static void command_line(void)
{
    char tiny[4];
    complaints = 0;
    cmdline_init(
        "  slots=exact debug x=1 slots=mainline\tempty= n=0x10 bad=1x slotsy=no -- x=2 n=3");
    EXPECT_KEY("slots", "mainline"); // the last one counts
    EXPECT_KEY("debug", "");
    EXPECT_KEY("empty", "");
    EXPECT_KEY("x", "1"); // what follows "--" is not the kernel's
    EXPECT_KEY("slot", NULL);
    EXPECT_KEY("exact", NULL);
    EXPECT(cmdline_get("slots", tiny, sizeof(tiny)));
    EXPECT_TEXT(tiny, "mai");
    EXPECT_EQ(cmdline_u64("n", 5), 16);
    EXPECT_EQ(cmdline_u64("absent", 5), 5);
    EXPECT_EQ(complaints, 0);
    EXPECT_EQ(cmdline_u64("bad", 5), 5);
    EXPECT_EQ(complaints, 1);
    cmdline_name_unknown(); // slotsy; "--" and what follows it is not the kernel's
    EXPECT_EQ(complaints, 2);
    cmdline_init("\"init=/a b\\\"c\\\\d\" init2=\"x y\"z");
    EXPECT_KEY("init", "/a b\"c\\d");
    EXPECT_KEY("init2", "x yz");
    cmdline_init("");
    EXPECT_KEY("slots", NULL);
    cmdline_init("a=--b --");
    EXPECT_KEY("a", "--b");
}

static void init_arguments(void)
{
    char **argv;
    cmdline_init("quiet -- /bin/sh  -c \"echo a  b\" \"\" x\"y z\"w --");
    argv = cmdline_rest;
    EXPECT_TEXT(argv[0], "/bin/sh");
    EXPECT_TEXT(argv[1], "-c");
    EXPECT_TEXT(argv[2], "echo a  b");
    EXPECT_TEXT(argv[3], "");
    EXPECT_TEXT(argv[4], "xy zw");
    EXPECT_TEXT(argv[5], "--");
    EXPECT(!argv[6]);
    cmdline_init("quiet");
    EXPECT(!cmdline_rest[0]);
    cmdline_init("quiet --");
    EXPECT(!cmdline_rest[0]);
    cmdline_init("-- \"never closed");
    EXPECT_TEXT(cmdline_rest[0], "never closed");
    EXPECT(!cmdline_rest[1]);
}

static const struct ktap_case cases[] = {
    {"format-numbers", format_numbers},
    {"format-text", format_text},
    {"memory", memory},
    {"strings", strings},
    {"parse-u64", numbers},
    {"cmdline", command_line},
    {"cmdline-init-args", init_arguments},
};
KTAP_MAIN(cases)

// The kernel command line, kept as given, and the words after "--" taken apart once.
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"

#define LINE_SIZE     2048
#define MAX_INIT_ARGS 64

static char line[LINE_SIZE];      // up to "--"
static char init_text[LINE_SIZE]; // the words after it, each ended by NUL
static char *init_args[MAX_INIT_ARGS];
static int init_count;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *s)
{
    while (is_blank(*s))
        s++;
    return s;
}

static const char *word_end(const char *s)
{
    while (*s && !is_blank(*s))
        s++;
    return s;
}

// Double quotes keep blanks; a backslash keeps the next character, in quotes or not (GRUB writes
// both).
static void split_init_args(const char *s)
{
    char *to = init_text;
    init_count = 0;
    for (s = skip_blanks(s); *s && init_count < MAX_INIT_ARGS; s = skip_blanks(s)) {
        bool quoted = false;
        init_args[init_count++] = to;
        for (; *s && (quoted || !is_blank(*s)); s++) {
            if (*s == '"') {
                quoted = !quoted;
                continue;
            }
            if (*s == '\\' && s[1])
                s++;
            *to++ = *s;
        }
        *to++ = 0;
    }
    if (*s)
        printk("cmdline: only %d words for init are kept\n", MAX_INIT_ARGS);
}

void cmdline_init(const char *text)
{
    strcopy(line, text, sizeof(line));
    init_count = 0;
    const char *end;
    for (const char *s = skip_blanks(line); *s; s = skip_blanks(end)) {
        end = word_end(s);
        if (end - s == 2 && strstarts(s, "--")) {
            split_init_args(end);
            line[s - line] = 0;
            return;
        }
    }
}

bool cmdline_get(const char *key, char *buf, size_t size)
{
    size_t n = strlen(key);
    bool found = false;
    const char *end;
    for (const char *s = skip_blanks(line); *s; s = skip_blanks(end)) {
        end = word_end(s);
        if (!strstarts(s, key))
            continue;
        const char *value = s + n;
        if (value != end && *value != '=')
            continue;
        value += value != end;
        strcopy(buf, value, MIN(size, (size_t)(end - value) + 1));
        found = true;
    }
    return found;
}

u64 cmdline_u64(const char *key, u64 otherwise)
{
    char text[24];
    u64 v;
    if (!cmdline_get(key, text, sizeof(text)))
        return otherwise;
    if (parse_u64(text, &v))
        return v;
    printk("cmdline: %s=%s is no number; %lu is used\n", key, text, otherwise);
    return otherwise;
}

int cmdline_init_args(char **argv, int max)
{
    int n = MIN(init_count, max);
    for (int i = 0; i < n; i++)
        argv[i] = init_args[i];
    return n;
}

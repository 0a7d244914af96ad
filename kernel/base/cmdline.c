// The kernel command line, taken apart once.
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"

static char text[CMDLINE_SIZE]; // the words, each ended by NUL
static char *words[CMDLINE_WORDS + 1];
static bool asked[CMDLINE_WORDS]; // somebody wanted this word's value
static int kernel_words;          // words before "--"
char **cmdline_rest;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// Copies the next word to `to`. Double quotes keep blanks; a backslash keeps the next character, in
// quotes or not (GRUB writes both). Returns what follows; *end is after the word's NUL.
static const char *take_word(const char *s, char *to, char **end)
{
    bool quoted = false;
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
    *end = to;
    return s;
}

void cmdline_init(const char *line)
{
    char *to = text;
    int nr_words = 0;
    memset(asked, 0, sizeof(asked));
    for (;; line = take_word(line, words[nr_words++] = to, &to)) {
        while (is_blank(*line))
            line++;
        if (!*line || nr_words == CMDLINE_WORDS)
            break;
    }
    if (*line)
        printk("cmdline: only %d words are kept\n", CMDLINE_WORDS);
    words[nr_words] = NULL;
    for (kernel_words = 0; kernel_words < nr_words; kernel_words++)
        if (strcmp(words[kernel_words], "--") == 0)
            break;
    cmdline_rest = words + MIN(kernel_words + 1, nr_words);
}

bool cmdline_get(const char *key, char *buf, size_t size)
{
    size_t n = strlen(key);
    bool found = false;
    for (int i = 0; i < kernel_words; i++) {
        const char *value = words[i] + n;
        if (!strstarts(words[i], key) || (*value && *value != '='))
            continue;
        strcopy(buf, value + (*value == '='), size);
        asked[i] = found = true;
    }
    return found;
}

u64 cmdline_u64(const char *key, u64 otherwise)
{
    char number[24];
    u64 v;
    if (!cmdline_get(key, number, sizeof(number)))
        return otherwise;
    if (parse_u64(number, &v))
        return v;
    printk("cmdline: %s=%s is no number; %lu is used\n", key, number, otherwise);
    return otherwise;
}

void cmdline_name_unknown(void)
{
    for (int i = 0; i < kernel_words; i++)
        if (!asked[i])
            printk("cmdline: unknown word \"%s\"\n", words[i]);
}

// The line discipline: it edits lines, echoes what is typed, and knows the bytes that are signals.
#include "linux/fs/line.h"

#include "kernel/base/string.h"
#include "linux/task/signal.h"

#define CTRL(c) ((c)&0x1f)
#define DEL     0x7f

void line_init(struct line *l, void (*echo)(const char *s, size_t n))
{
    static const u8 chars[NCCS] = {
        [VINTR] = CTRL('C'), [VQUIT] = CTRL('\\'), [VERASE] = DEL,      [VKILL] = CTRL('U'),
        [VEOF] = CTRL('D'),  [VMIN] = 1,           [VSUSP] = CTRL('Z'), [VWERASE] = CTRL('W'),
    };
    memset(l, 0, sizeof(*l));
    l->echo = echo;
    l->t.c_iflag = ICRNL | IUTF8;
    l->t.c_oflag = OPOST | ONLCR;
    l->t.c_cflag = B38400 | CS8 | CREAD;
    l->t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    memcpy(l->t.c_cc, chars, sizeof(chars));
}

void line_set_modes(struct line *l, const struct termios *t)
{
    l->t = *t;
    if (!(t->c_lflag & ICANON))
        l->commit = l->head;
}

void line_flush(struct line *l)
{
    l->tail = l->commit = l->head;
}

static u16 *at(struct line *l, u32 n)
{
    return &l->ring[n % LINE_RING];
}

static bool sends_crlf(const struct line *l)
{
    return l->t.c_oflag & OPOST && l->t.c_oflag & ONLCR;
}

static bool has(const struct line *l, u32 flag)
{
    return l->t.c_lflag & flag;
}

// True if byte c is this control character. A control character that is set to 0 is off
// (termios(3)).
static bool is_key(const struct line *l, u8 c, int key)
{
    return c && c == l->t.c_cc[key];
}

// Echoes a character of the line that is edited. Control characters appear as ^X. A tab appears as
// one blank, so it can be erased without counting columns.
static void echo_char(struct line *l, u8 c)
{
    char caret[2] = {'^', (char)(c ^ 0x40)};
    char plain = c == '\t' ? ' ' : (char)c;
    if (!has(l, ECHO) && !(c == '\n' && has(l, ECHONL) && has(l, ICANON)))
        return;
    if (c == '\n')
        l->echo(sends_crlf(l) ? "\r\n" : "\n", sends_crlf(l) ? 2 : 1);
    else if ((c < ' ' || c == DEL) && c != '\t' && has(l, ECHOCTL))
        l->echo(caret, 2);
    else
        l->echo(&plain, 1);
}

static bool is_utf8_tail(u8 c)
{
    return (c & 0xc0) == 0x80;
}

// Takes back the last character of the line that is edited. False when the line is empty.
static bool erase_char(struct line *l)
{
    u8 c;
    if (l->head == l->commit)
        return false;
    do {
        c = *at(l, --l->head);
    } while (l->t.c_iflag & IUTF8 && is_utf8_tail(c) && l->head != l->commit);
    if (has(l, ECHO) && has(l, ECHOE)) {
        if ((c < ' ' || c == DEL) && c != '\t' && has(l, ECHOCTL))
            l->echo("\b \b", 3);
        l->echo("\b \b", 3);
    }
    return true;
}

static void erase_word(struct line *l)
{
    while (l->head != l->commit && *at(l, l->head - 1) == ' ')
        erase_char(l);
    while (l->head != l->commit && *at(l, l->head - 1) != ' ')
        erase_char(l);
}

static void append(struct line *l, u16 c)
{
    *at(l, l->head++) = c;
}

static int signal_of(const struct line *l, u8 c)
{
    if (!has(l, ISIG))
        return 0;
    if (is_key(l, c, VINTR))
        return SIGINT;
    if (is_key(l, c, VQUIT))
        return SIGQUIT;
    return is_key(l, c, VSUSP) ? SIGTSTP : 0;
}

// Takes a byte while lines are edited. One place in the ring is kept free for the end of the line.
static void edit(struct line *l, u8 c)
{
    bool full = l->head - l->tail >= LINE_RING - 1;
    if (is_key(l, c, VERASE) || c == '\b') {
        erase_char(l);
    } else if (is_key(l, c, VKILL)) {
        while (erase_char(l))
            ;
    } else if (is_key(l, c, VWERASE) && has(l, IEXTEN)) {
        erase_word(l);
    } else if (c == '\n' || is_key(l, c, VEOF)) {
        if (l->head - l->tail == LINE_RING)
            return;
        if (c == '\n')
            echo_char(l, c);
        append(l, c == '\n' ? '\n' : LINE_EOF);
        l->commit = l->head;
    } else if (!full) {
        echo_char(l, c);
        append(l, c);
    }
}

int line_input(struct line *l, u8 c)
{
    int sig = signal_of(l, c);
    if (sig) {
        if (!has(l, NOFLSH))
            line_flush(l);
        echo_char(l, c);
        return sig;
    }
    if (c == '\r' && l->t.c_iflag & IGNCR)
        return 0;
    if (c == '\r' && l->t.c_iflag & ICRNL)
        c = '\n';
    else if (c == '\n' && l->t.c_iflag & INLCR)
        c = '\r';
    if (has(l, ICANON)) {
        edit(l, c);
    } else if (l->head - l->tail < LINE_RING) {
        echo_char(l, c);
        append(l, c);
        l->commit = l->head;
    }
    return 0;
}

bool line_full(const struct line *l)
{
    return l->head - l->tail == LINE_RING;
}

bool line_ready(const struct line *l)
{
    return l->ended || l->tail != l->commit || (!has(l, ICANON) && l->t.c_cc[VMIN] == 0);
}

u32 line_available(const struct line *l)
{
    return l->commit - l->tail;
}

size_t line_take(struct line *l, u8 *to, size_t n, bool *more)
{
    size_t got = 0;
    *more = false;
    while (l->tail != l->commit) {
        u16 c = *at(l, l->tail);

        // A ^D right after a full buffer belongs to this read. The next read must not take it for
        // the end of the file.
        if (c == LINE_EOF) {
            l->tail++;
            return got;
        }
        if (got == n) {
            *more = true;
            return got;
        }
        l->tail++;
        to[got++] = c;
        if (c == '\n' && has(l, ICANON))
            return got;
    }
    return got;
}

size_t line_output(const struct line *l, const char *from, size_t n, char *to)
{
    bool crlf = sends_crlf(l);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (crlf && from[i] == '\n')
            to[len++] = '\r';
        to[len++] = from[i];
    }
    return len;
}

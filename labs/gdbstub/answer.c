// The stub of a hand-in answers questions. Every verdict is made in another process (judge.py). A
// line of input is a script: what comes on the serial line, then what is called.
//
//   LINE CALL...     LINE: parts with "." between them. A part: bytes of two hexadecimal
//                    digits, then perhaps "*" and how often. "-": nothing.
//
//   g                packet_get()                    hTEXT    parse_hex()
//   aN               packet_acks(N)                  yN,TEXT  parse_bytes() of N bytes
//   b                packet_begun()                  ZTEXT    change_break(), insert
//   tTEXT            reply_text(), as a whole reply  zTEXT    change_break(), remove
//
// TEXT is hexadecimal. The answer has a word for each call: its letter, what came out, ">", and the
// bytes that were sent. "w" ends the answer: the call waits for a byte that never comes.
#include "labs/asker.h"

#include "debug/kgdb/stub.h"
#include <setjmp.h>

#define LINE_MAX  16384
#define GUARD     8192 // bytes after the buffer of a packet
#define UNTOUCHED 0xee

char out[PACKET_MAX + 1];
size_t out_length;
bool acks, begun;
struct hwbp_stopped slots[HBP_NUM];
enum break_kind slot_kind[HBP_NUM];

void change_break(const char *p, bool insert);

static u8 serial[LINE_MAX];
static size_t come, taken;
static char sent[LINE_MAX];
static size_t sent_length;
static jmp_buf nothing_comes;

// ---- what the rest of the kernel does for the stub ----

u8 get_byte(void)
{
    if (taken == come)
        longjmp(nothing_comes, 1);
    return serial[taken++];
}

void put(const char *bytes, size_t n)
{
    for (; n && sent_length < sizeof(sent); n--)
        sent[sent_length++] = *bytes++;
}

u32 hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (at - digits) % 16 : 16;
}

int hwbp_stopped_set(struct hwbp_stopped *s, u64 addr, u32 bp_type, u64 bp_len)
{
    say("S%lx,%u,%lx;", addr, bp_type, bp_len);
    bool fits = bp_len && bp_len <= 8 && !(bp_len & (bp_len - 1)) && addr % bp_len == 0;
    if (bp_type == HW_BREAKPOINT_X ? bp_len != sizeof(long) : !fits)
        return -EINVAL;
    s->attr.bp_addr = addr;
    s->attr.bp_type = bp_type;
    s->attr.bp_len = bp_len;
    s->on = true;
    return 0;
}

void hwbp_stopped_clear(struct hwbp_stopped *s)
{
    say("C%lx;", (u64)s->attr.bp_addr);
    s->on = false;
}

int insert_software(u64 addr)
{
    say("I%lx;", addr);
    return 0;
}

int remove_software(u64 addr)
{
    say("R%lx;", addr);
    return 0;
}

// ---- the script ----

static size_t from_hex(const char **p, u8 *to, size_t max)
{
    size_t n = 0;
    for (; n < max && hex_digit((*p)[0]) < 16 && hex_digit((*p)[1]) < 16; *p += 2)
        to[n++] = hex_digit((*p)[0]) * 16 + hex_digit((*p)[1]);
    return n;
}

static void say_hex(const void *bytes, size_t n)
{
    for (const u8 *b = bytes; n; n--, b++)
        say("%02x", *b);
}

static void read_line(const char *p)
{
    for (come = taken = 0; *p; p += *p == '.') {
        size_t n = from_hex(&p, serial + come, sizeof(serial) - come);
        if (!n)
            return;
        long times = *p == '*' ? strtol(p + 1, (char **)&p, 10) : 1;
        for (; times > 1 && come + 2 * n <= sizeof(serial); times--, come += n)
            memcpy(serial + come + n, serial + come, n);
        come += n;
    }
}

static void get(void)
{
    static char buf[PACKET_MAX + 1 + GUARD];
    memset(buf, UNTOUCHED, sizeof(buf));
    packet_get(buf);
    for (size_t i = PACKET_MAX + 1; i < sizeof(buf); i++) {
        if ((u8)buf[i] != UNTOUCHED) {
            say("!");
            return;
        }
    }
    say_hex(buf, strnlen(buf, PACKET_MAX + 1));
}

static void parse_number(const char *text)
{
    const char *p = text;
    u64 value = 0x5555;
    bool found = parse_hex(&p, &value);
    say("%d,%lx,%zd", found, value, p - text);
}

static void parse_several(const char *text, size_t n)
{
    u8 bytes[64];
    const char *p = text;
    memset(bytes, UNTOUCHED, sizeof(bytes));
    bool found = parse_bytes(&p, bytes, n);
    say("%d,", found);
    say_hex(bytes, n + 1);
    say(",%zd", p - text);
}

static void call(char what, const char *p)
{
    static char text[LINE_MAX];
    size_t n = what == 'y' ? strtol(p, (char **)&p, 10) : 0;
    p += *p == ',';
    size_t length = what == 'a' ? 0 : from_hex(&p, (u8 *)text, sizeof(text) - 1);
    text[length] = 0;
    switch (what) {
    case 'g':
        get();
        break;
    case 'a':
        acks = *p == '1';
        break;
    case 'b':
        begun = true;
        break;
    case 't':
        reply_begin();
        reply_text(text, length);
        reply_send();
        break;
    case 'h':
        parse_number(text);
        break;
    case 'y':
        parse_several(text, n);
        break;
    default:
        change_break(text, what == 'Z');
    }
}

static void run(void)
{
    static char *word; // these outlive longjmp()
    static bool waits;
    acks = true;
    begun = false;
    out_length = 0;
    memset(slots, 0, sizeof(slots));
    read_line(strtok(line, " \n"));
    while ((word = strtok(NULL, " \n"))) {
        say("%c", *word);
        sent_length = 0;
        waits = true;
        if (setjmp(nothing_comes) == 0) {
            call(*word, word + 1);
            waits = false;
        }
        say("%s>", waits ? "w" : "");
        say_hex(sent, sent_length);
        say(" ");
        if (waits)
            break;
    }
    end_line();
}

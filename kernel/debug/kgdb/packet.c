// Packets: see packet.h.
#include "kernel/debug/kgdb/packet.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"

#define POLL_US    10
#define RUN_BASE   29 // of the count in a run
#define RUN_MIN    3  // shorter ones are as short in full
#define RUN_MAX    98 // the highest printable count
#define ESCAPE     '}'
#define ESCAPE_XOR 0x20

static const char digits[] = "0123456789abcdef";

static char out[PACKET_MAX + 1];
static size_t out_length;
static bool acks = true;
static bool begun;

// ---- the line ----

// Looks now and then: an emulator that is asked all the time does not get to fetch the next byte.
static u8 get_byte(void)
{
    for (;;) {
        int c = serial_read(COM2);
        if (c >= 0)
            return c;
        clock_delay_us(POLL_US);
    }
}

static void put(const char *bytes, size_t n)
{
    serial_write(COM2, bytes, n);
}

static int digit(char c)
{
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? at - digits : -1;
}

void packet_begun(void)
{
    begun = true;
}

void packet_acks(bool on)
{
    acks = on;
}

void packet_new_peer(void)
{
    if (!acks)
        put("+", 1);
    acks = true;
}

// What stands between '$' and '#'. False when it is too long, or damaged.
static bool get_data(char *buf, size_t *n)
{
    u8 sum = 0, c;
    *n = 0;
    while ((c = get_byte()) != '#') {
        if (c == '$') { // the other side has begun anew
            *n = sum = 0;
            continue;
        }
        if (*n < PACKET_MAX)
            buf[*n] = c;
        sum += c;
        ++*n;
    }
    int high = digit(get_byte()), low = digit(get_byte());
    return *n <= PACKET_MAX && high >= 0 && low >= 0 && sum == high * 16 + low;
}

size_t packet_get(char *buf)
{
    for (;;) {
        size_t n;
        while (!begun && get_byte() != '$') // acknowledgements, an interrupt that came too late
            ;
        begun = false;
        bool good = get_data(buf, &n);
        if (acks)
            put(good ? "+" : "-", 1);
        if (good) {
            buf[n] = 0;
            return n;
        }
    }
}

// Until it has arrived. A new packet from gdb means as much.
static bool acknowledged(void)
{
    u8 c;
    do
        c = get_byte();
    while (c != '+' && c != '-' && c != '$');
    begun = c == '$';
    return c != '-';
}

// The same character `*n` times, as "c*" and a printable count of the others; *n is what that may
// say at once, and 1 if it is not worth it.
static void encode_run(const char *at, size_t left, size_t *n, char *code, size_t *length)
{
    size_t run = 1;
    while (run < MIN(left, RUN_MAX) && at[run] == at[0])
        run++;
    if (run - 1 + RUN_BASE == '#' || run - 1 + RUN_BASE == '$')
        run = '#' - RUN_BASE;
    *n = run > RUN_MIN ? run : 1;
    *length = *n > 1 ? 3 : 1;
    code[0] = at[0];
    code[1] = '*';
    code[2] = *n - 1 + RUN_BASE;
}

static void put_reply(void)
{
    u8 sum = 0;
    char code[3];
    size_t n, length;
    put("$", 1);
    for (size_t i = 0; i < out_length; i += n) {
        encode_run(out + i, out_length - i, &n, code, &length);
        put(code, length);
        for (size_t k = 0; k < length; k++)
            sum += code[k];
    }
    char end[] = {'#', digits[sum >> 4], digits[sum & 15]};
    put(end, sizeof(end));
}

void reply_send(void)
{
    do
        put_reply();
    while (acks && !acknowledged());
}

// ---- replies ----

void reply_begin(void)
{
    out_length = 0;
}

// Replies are no longer than what they answer allows: what does not fit is a mistake of the stub.
static void add_char(char c)
{
    if (out_length == PACKET_MAX)
        panic("kgdb: a reply is too long");
    out[out_length++] = c;
}

void reply_add(const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    for (const char *c = text; *c; c++)
        add_char(*c);
}

void reply_hex(const void *bytes, size_t n)
{
    for (const u8 *b = bytes; n; n--, b++) {
        add_char(digits[*b >> 4]);
        add_char(digits[*b & 15]);
    }
}

void reply_binary(const void *bytes, size_t n)
{
    for (const u8 *b = bytes; n; n--, b++) {
        bool special = *b == '$' || *b == '#' || *b == ESCAPE || *b == '*';
        if (special)
            add_char(ESCAPE);
        add_char(special ? *b ^ ESCAPE_XOR : *b);
    }
}

void reply_unknown(size_t n)
{
    for (; n; n--) {
        add_char('x');
        add_char('x');
    }
}

void reply(const char *text)
{
    reply_begin();
    reply_add("%s", text);
    reply_send();
}

void reply_result(int err)
{
    reply_begin();
    if (err)
        reply_add("E%02x", -err);
    else
        reply_add("OK");
    reply_send();
}

// ---- parsing ----

bool parse_hex(const char **p, u64 *value)
{
    const char *start = *p;
    *value = 0;
    for (int d = digit(**p); d >= 0; d = digit(**p)) {
        *value = *value << 4 | d;
        ++*p;
    }
    return *p != start;
}

bool parse_char(const char **p, char c)
{
    bool found = **p == c;
    *p += found;
    return found;
}

bool parse_pair(const char **p, u64 *a, u64 *b)
{
    return parse_hex(p, a) && parse_char(p, ',') && parse_hex(p, b);
}

bool parse_bytes(const char **p, void *to, size_t n)
{
    for (u8 *b = to; n; n--, b++) {
        int high = digit((*p)[0]), low = high < 0 ? -1 : digit((*p)[1]);
        if (low < 0)
            return false;
        *b = high * 16 + low;
        *p += 2;
    }
    return true;
}

size_t parse_binary(const char *p, size_t length, u8 *to, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < length && n < max; i++) {
        bool escaped = p[i] == ESCAPE && i + 1 < length;
        to[n++] = escaped ? p[++i] ^ ESCAPE_XOR : p[i];
    }
    return n;
}

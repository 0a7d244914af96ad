// Packets: see packet.h.
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/user/devices.h"
#include "debug/kgdb/packet.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"

#define POLL_US    10
#define RUN_BASE   29 // a run's count is sent as the character with this number added
#define RUN_MIN    3  // fewer repetitions are not shorter as a run
#define RUN_MAX    98 // more would not be a printable character
#define ESCAPE_XOR 0x20

static char out[PACKET_MAX + 1];
static size_t out_length;
static bool acks = true;
static bool begun;

// ---- the line ----

// Pauses between two looks. An emulator that is asked all the time does not find the time to fetch
// the next byte.
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

// Reads what stands between '$' and '#'. False when it is too long, or when the checksum is wrong.
static bool get_data(char *buf, size_t *n)
{
    u8 sum = 0, c;
    *n = 0;
    while ((c = get_byte()) != '#') {
        if (c == '$') { // gdb has begun the packet again
            *n = sum = 0;
            continue;
        }
        if (*n < PACKET_MAX)
            buf[*n] = c;
        sum += c;
        ++*n;
    }
    u32 high = hex_digit(get_byte()), low = hex_digit(get_byte());
    return *n <= PACKET_MAX && high < 16 && low < 16 && sum == high * 16 + low;
}

void packet_get(char buf[PACKET_MAX + 1])
{
    for (;;) {
        size_t n;
        while (!begun && get_byte() != '$') // skips acknowledgements and late interrupts
            ;
        begun = false;
        bool good = get_data(buf, &n);
        if (acks)
            put(good ? "+" : "-", 1);
        if (good) {
            buf[n] = 0;
            return;
        }
    }
}

// Waits until gdb acknowledges the reply. A new packet from gdb counts as one. False: gdb asks for
// the reply once more.
static bool acknowledged(void)
{
    u8 c;
    do
        c = get_byte();
    while (c != '+' && c != '-' && c != '$');
    begun = c == '$';
    return c != '-';
}

// How often the first character is repeated, at most what one run can express. 1 when a run would
// not be shorter.
static size_t run_length(const char *at, size_t left)
{
    size_t n = 1;
    while (n < MIN(left, RUN_MAX) && at[n] == at[0])
        n++;
    if (n - 1 + RUN_BASE == '#' || n - 1 + RUN_BASE == '$')
        n = '#' - RUN_BASE;
    return n > RUN_MIN ? n : 1;
}

static void put_reply(void)
{
    u8 sum = 0;
    put("$", 1);
    for (size_t i = 0, n; i < out_length; i += n) {
        n = run_length(out + i, out_length - i);
        char run[] = {out[i], '*', n - 1 + RUN_BASE}; // the first one is not counted
        size_t length = n > 1 ? sizeof(run) : 1;
        put(run, length);
        for (size_t k = 0; k < length; k++)
            sum += run[k];
    }
    char end[4];
    put(end, snprintf(end, sizeof(end), "#%02x", sum));
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

// Every request limits the length of its reply. So a reply that does not fit is a bug of the stub.
void reply_add(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out_length += vsnprintf(out + out_length, sizeof(out) - out_length, fmt, ap);
    va_end(ap);
    if (out_length > PACKET_MAX)
        panic("kgdb: a reply is too long");
}

void reply_hex(const void *bytes, size_t n)
{
    for (const u8 *b = bytes; n; n--, b++)
        reply_add("%02x", *b);
}

void reply_text(const char *text, size_t n)
{
    for (; n; n--, text++) {
        if (strchr("$#}*", *text))
            reply_add("}%c", *text ^ ESCAPE_XOR);
        else
            reply_add("%c", *text);
    }
}

void reply_unknown(size_t n)
{
    while (n--)
        reply_add("xx");
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
    reply_add(err ? "E%02x" : "OK", -err);
    reply_send();
}

// ---- parsing ----

bool parse_hex(const char **p, u64 *value)
{
    const char *start = *p;
    *value = 0;
    for (u32 d; (d = hex_digit(**p)) < 16; ++*p)
        *value = *value << 4 | d;
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
    for (u8 *b = to; n; n--, b++, *p += 2) {
        u32 high = hex_digit((*p)[0]), low = high < 16 ? hex_digit((*p)[1]) : 16;
        if (low == 16)
            return false;
        *b = high * 16 + low;
    }
    return true;
}

// gdb's packets on the second serial port: "$data#checksum", acknowledged by "+" until both sides
// agree to do without. And the hexadecimal text they are made of.
#pragma once

#include "arch/x86/types.h"

#define PACKET_MAX 4096 // bytes of data

// ---- receiving; a session only ----

// Waits for the next packet, and ends it with a NUL. Never returns when nobody is there.
void packet_get(char buf[PACKET_MAX + 1]);
// A '$' was read outside a session: the next packet_get() goes on behind it.
void packet_begun(void);
// The last packet was a new gdb's first: it acknowledges, and waits for that of this one.
void packet_new_peer(void);
// From now on neither side acknowledges; or again.
void packet_acks(bool on);

// ---- a reply: begin, add, send ----

void reply_begin(void);
void reply_add(const char *fmt, ...) __printf(1, 2);
void reply_hex(const void *bytes, size_t n); // two digits for each byte
void reply_text(const char *text, size_t n); // escaped where the protocol needs it
void reply_unknown(size_t n);                // "xx" for each byte
void reply_send(void);
// The whole of a short one. `err` is 0 or -errno: "OK", or "E" and two digits.
void reply(const char *text);
void reply_result(int err);

// ---- parsing: each moves *p behind what it has read ----

bool parse_hex(const char **p, u64 *value);           // digits; false when there is none
bool parse_pair(const char **p, u64 *a, u64 *b);      // two of them with a comma between
bool parse_char(const char **p, char c);              // this character
bool parse_bytes(const char **p, void *to, size_t n); // 2 * n digits

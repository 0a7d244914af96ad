// gdb's packets on the second serial port, and the hexadecimal text in them. A packet is
// "$data#checksum" (gdb manual, appendix E.1). The receiver answers "+", until both sides agree to
// do without that.
#pragma once

#include "arch/x86/types.h"

#define PACKET_MAX 4096 // bytes of data

// ---- receiving; a session only ----

// Waits for the next packet and puts its data and a NUL into buf. If no gdb is there it never
// returns.
void packet_get(char buf[PACKET_MAX + 1]);
// A '$' was read outside a session. The next packet_get() goes on after it.
void packet_begun(void);
// The last packet was the first one of a new gdb. That gdb sends acknowledgements and waits for
// the one of this packet.
void packet_new_peer(void);
// Whether both sides acknowledge packets from now on.
void packet_acks(bool on);

// ---- a reply: begin, add, send ----

void reply_begin(void);
void reply_add(const char *fmt, ...) __printf(1, 2);
void reply_hex(const void *bytes, size_t n); // two digits for each byte
void reply_text(const char *text, size_t n); // escaped where the protocol needs it
void reply_unknown(size_t n);                // "xx" for each byte
void reply_send(void);
// A whole short reply. For `err`, which is 0 or -errno, it is "OK", or "E" and two digits.
void reply(const char *text);
void reply_result(int err);

// ---- parsing: each moves *p after what it has read, and returns false if that is not there ----

bool parse_hex(const char **p, u64 *value);           // a number, at least one digit
bool parse_pair(const char **p, u64 *a, u64 *b);      // two numbers with a comma between
bool parse_char(const char **p, char c);              // this character
bool parse_bytes(const char **p, void *to, size_t n); // 2 * n digits

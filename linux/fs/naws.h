// The size of the terminal at the other end of the serial line. The host's tools send the size
// among the bytes that are typed, as a telnet client does (RFC 1073). They send IAC SB NAWS, width,
// height, IAC SE. Width and height have two bytes each, the higher one first. IAC is 255, which
// begins no character of UTF-8. IAC IAC is one byte 255. The caller does the locking
// (linux/fs/console.c).
#pragma once

#include "arch/x86/types.h"

#define NAWS_BYTES 4

struct naws {
    enum { NAWS_TEXT, NAWS_COMMAND, NAWS_OPTION, NAWS_SIZE, NAWS_END } state;
    u32 got;
    u8 bytes[NAWS_BYTES]; // width, height
};

enum naws_answer { NAWS_TYPED, NAWS_TAKEN, NAWS_RESIZED };

// Takes a byte that has come. NAWS_TYPED: it was typed. NAWS_TAKEN: it belongs to a command.
// NAWS_RESIZED: it ends a command with a new size, which is in `bytes` now. All other commands are
// taken and do nothing.
enum naws_answer naws_input(struct naws *n, u8 c);

static inline u16 naws_columns(const struct naws *n)
{
    return n->bytes[0] << 8 | n->bytes[1];
}

static inline u16 naws_rows(const struct naws *n)
{
    return n->bytes[2] << 8 | n->bytes[3];
}

// The size of the terminal at the other end of the serial line, which whoever has that terminal
// sends among the bytes typed, as a telnet client does (RFC 1073): IAC SB NAWS, width, height,
// IAC SE. The numbers have two bytes, the higher first. IAC, 255, begins no character of UTF-8;
// sent twice it is itself. No locks: the caller has them (linux/fs/console.c).
#pragma once

#include "arch/x86/types.h"

#define NAWS_BYTES 4

struct naws {
    enum { NAWS_TEXT, NAWS_COMMAND, NAWS_OPTION, NAWS_SIZE, NAWS_END } state;
    u32 got;
    u8 bytes[NAWS_BYTES]; // width, height
};

enum naws_answer { NAWS_TYPED, NAWS_TAKEN, NAWS_RESIZED };

// What a byte that comes is: typed, taken as part of a command, or the end of one: then `bytes` has
// a new size. A command that is not this one is taken, too, and does nothing.
enum naws_answer naws_input(struct naws *n, u8 c);

static inline u16 naws_columns(const struct naws *n)
{
    return n->bytes[0] << 8 | n->bytes[1];
}

static inline u16 naws_rows(const struct naws *n)
{
    return n->bytes[2] << 8 | n->bytes[3];
}

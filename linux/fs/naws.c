// The terminal's size among the bytes typed: see naws.h.
#include "linux/fs/naws.h"

// Codes of telnet (RFC 854) and of its option "window size" (RFC 1073).
#define IAC  255
#define SB   250
#define SE   240
#define NAWS 31

static void take_size(struct naws *n, u8 c)
{
    if (n->got < NAWS_BYTES)
        n->bytes[n->got] = c;
    n->got++;
}

enum naws_answer naws_input(struct naws *n, u8 c)
{
    switch (n->state) {
    case NAWS_TEXT:
        if (c != IAC)
            return NAWS_TYPED;
        n->state = NAWS_COMMAND;
        return NAWS_TAKEN;
    case NAWS_COMMAND:
        n->state = c == SB ? NAWS_OPTION : NAWS_TEXT;
        return c == IAC ? NAWS_TYPED : NAWS_TAKEN;
    case NAWS_OPTION:
        n->got = 0;
        n->state = c == NAWS ? NAWS_SIZE : NAWS_TEXT;
        return NAWS_TAKEN;
    case NAWS_SIZE:
        if (c == IAC)
            n->state = NAWS_END;
        else
            take_size(n, c);
        return NAWS_TAKEN;
    default:
        n->state = c == IAC ? NAWS_SIZE : NAWS_TEXT;
        if (c == IAC)
            take_size(n, c);
        return c == SE && n->got == NAWS_BYTES ? NAWS_RESIZED : NAWS_TAKEN;
    }
}

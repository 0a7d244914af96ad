// The line discipline of the terminal. It decides what happens to each byte that is typed, and what
// a read gets. It has no locks and no devices: the caller has them (linux/fs/console.c). Structures
// and numbers are Linux's (termios(3)).
#pragma once

#include "arch/x86/types.h"

#include <asm/termbits.h>

#define LINE_RING 16384u // a power of two
#define LINE_EOF  0x100u // in the ring, the place where ^D was typed

// head, tail and commit count all bytes ever seen. The ring holds the bytes [tail, head), of which
// a read may take [tail, commit).
struct line {
    struct termios t;
    u32 tail, commit, head;
    bool ended; // no byte will come any more: after the ring is the end of the file
    void (*echo)(const char *s, size_t n);
    u16 ring[LINE_RING];
};

void line_init(struct line *l, void (*echo)(const char *s, size_t n));
// Sets new modes. If they end the editing of lines, the line that was edited can be read now.
void line_set_modes(struct line *l, const struct termios *t);
void line_flush(struct line *l);

// Takes one byte from the keyboard. Returns the signal that it stands for, or 0.
int line_input(struct line *l, u8 c);
bool line_full(const struct line *l);
// True if a read need not wait. With ICANON: a whole line is there, or the end of the file.
// Without ICANON: a byte is there, or VMIN is 0.
bool line_ready(const struct line *l);
// Takes up to n bytes. With ICANON it takes them from one line only. *more says whether the line
// goes on. Returns the number of bytes. 0 is the end of the file.
size_t line_take(struct line *l, u8 *to, size_t n, bool *more);
// How many bytes a read could take now.
u32 line_available(const struct line *l);

// Turns n bytes of a program's output into the bytes to send. `to` has room for 2 * n bytes.
// Returns the number of bytes to send.
size_t line_output(const struct line *l, const char *from, size_t n, char *to);

// What stub.c, the lab's file, and the rest of the stub need of each other.
#pragma once

#include "debug/kgdb/breaks.h"
#include "debug/kgdb/packet.h"
#include "debug/kgdb/stopped.h"
#include "kernel/base/errno.h"
#include "kernel/base/printk.h"
#include "kernel/base/string.h"

// A student's own numbers.
#define LONGEST 98 // a run stands for at most so many characters
#define LIMIT   4  // gdb may hold so many debug registers

// gdb manual, E.1: how runs and escapes are written.
#define RUN_BASE   29 // a run's count is sent as the character with this number added
#define RUN_MIN    3  // fewer repetitions are not shorter as a run
#define RUN_MAX    98 // more would not be a printable character
#define ESCAPE_XOR 0x20

// ---- packet.c ----

extern char out[PACKET_MAX + 1]; // the reply so far: text, not yet packed
extern size_t out_length;
extern bool acks;                      // packets are acknowledged
extern bool begun;                     // the '$' of the next packet was read already
u8 get_byte(void);                     // waits for a byte from gdb
void put(const char *bytes, size_t n); // sends bytes to gdb

// ---- breaks.c ----

extern struct hwbp_stopped slots[HBP_NUM]; // those that are `on` are gdb's
extern enum break_kind slot_kind[HBP_NUM]; // of each that is on
int insert_software(u64 addr);
int remove_software(u64 addr);

static inline u32 slots_on(void)
{
    u32 n = 0;
    for (u32 i = 0; i < HBP_NUM; i++)
        n += slots[i].on;
    return n;
}

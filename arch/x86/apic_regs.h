// Registers of the local APIC (SDM vol. 3, 11.4) and of the I/O APIC (82093AA).
#pragma once

#include "arch/x86/types.h"

#define LAPIC_TPR           0x080
#define LAPIC_EOI           0x0b0
#define LAPIC_SPURIOUS      0x0f0
#define LAPIC_ICR_LOW       0x300
#define LAPIC_ICR_HIGH      0x310
#define LAPIC_LVT_TIMER     0x320
#define LAPIC_LVT_LINT0     0x350
#define LAPIC_LVT_LINT1     0x360
#define LAPIC_LVT_ERROR     0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define SPURIOUS_ENABLE 0x100u
#define LVT_MASKED      0x10000u // also in the I/O APIC's entries
#define LVT_PERIODIC    0x20000u
#define TIMER_DIVIDE_16 3

// The command register's low half: a vector, or
#define ICR_NMI     0x400u
#define ICR_INIT    0x500u
#define ICR_STARTUP 0x600u // | the number of the page to start at
#define ICR_PENDING 0x1000u
#define ICR_ASSERT  0x4000u

#define IOAPIC_SELECT   0x00
#define IOAPIC_WINDOW   0x10
#define IOAPIC_VERSION  1
#define IOAPIC_ENTRY(n) (0x10 + 2 * (n)) // low half; the high half is the next register

u32 lapic_read(u32 reg);
void lapic_write(u32 reg, u32 v);
u32 ioapic_read(u32 reg);
void ioapic_write(u32 reg, u32 v);
u32 ioapic_inputs(void); // how many it has

extern u32 lapic_timer_hz; // clock.c: counts per second, divider included

// The timer begins to count down from `count`; `entry`: its interrupt. On this CPU.
void lapic_timer_set(u32 entry, u32 count);
extern u64 lapic_tick_ns[]; // of each CPU, from tick to tick; 0: it has none

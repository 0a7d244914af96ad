// The debug-register file: DR0-DR3, DR6, DR7 of one CPU (SDM vol. 3, chapter 18.2).
//
// Upper layers edit the *wanted* state; commit writes what differs from the hardware. MOV to a
// debug register is slow, and in a guest it may exit to the hypervisor. So commit writes nothing
// that is right already, and counts every write.
//
//   dr_begin();            // may nest; nothing is written before the outermost commit
//   dr_install(...);       // edit the wanted state
//   dr_evict(...);
//   dr_commit();           // at most: DR7 off, the changed addresses, DR7 on
//
// Invariants:
//   D1  An enabled register never holds an address for which it was not enabled: commit disables a
//       register before it changes the address, and writes DR7 last.
//   D2  A register without an owner is disabled, and its R/W and LEN bits are zero.
//   D3  While #DB is handled (dr_db_enter .. dr_db_exit) the hardware has no breakpoint enabled.
//   D4  Where one data breakpoint covers another, the narrower one sits in the lower register
//       (QEMU reports only the lowest match; see dr_db_enter).
//
// All functions: IRQs off, this CPU only, unless they say otherwise.
#pragma once

#include "arch/x86/types.h"

#define HBP_NUM 4

// R/Wn field of DR7 (SDM 18.2.4). 2 is an I/O breakpoint, which dr7 does not use.
enum dr_type { DR_EXECUTE = 0, DR_WRITE = 1, DR_READ_WRITE = 3 };

#define DR6_ACTIVE_LOW 0xffff0ff0ull // reads as this when nothing happened; bits 4-11, 16-31 set
#define DR6_SLOTS      0xfull        // B0-B3
#define DR6_BD         BIT(13)
#define DR6_BS         BIT(14)
#define DR6_BT         BIT(15)
#define DR6_CAUSES     (DR6_SLOTS | DR6_BD | DR6_BS | DR6_BT)
#define DR7_FIXED_1    0x400ull

// DR7: L0 G0 L1 G1 ... in bits 0-7, then from bit 16 four bits for each register: R/W (2), LEN (2).
#define DR7_ENABLE_BITS(n) (3ull << ((n)*2))
#define DR7_SLOT_BITS(n)   (DR7_ENABLE_BITS(n) | 0xfull << (16 + (n)*4))

struct dr_slot {
    void *owner; // the upper layer's name for it, NULL when free
    u64 addr;
    u8 type; // enum dr_type
    u8 len;  // bytes: 1, 2, 4, 8; execute: 1
};

// Counters since boot, one writer (the CPU itself).
struct dr_stats {
    u64 writes;       // MOVs to DR0-DR3 and DR7 made by commit
    u64 addr_writes;  // of those, to DR0-DR3
    u64 db_writes;    // MOVs to DR6 and DR7 that #DB entry and exit need
    u64 installs;     // dr_install() calls
    u64 evictions;    // dr_evict() calls
    u64 exceptions;   // #DBs taken
    u64 spurious;     // #DBs in which no installed slot and no single step had a part
    u64 guest_writes; // MOVs to DR0-DR3, DR6 and DR7 around guests
};

// The owners of the four registers, and the DR7 that belongs to them. In a struct dr_file a slot
// that is not `used` has the owner NULL; in other images such a slot means nothing.
struct dr_image {
    struct dr_slot slot[HBP_NUM];
    u64 control; // DR7
    u32 used;    // bit n: slot[n] has an owner
    u32 crowded; // bit n: another slot may share an aligned word with slot[n]
};

struct dr_file {
    struct dr_image want;
    struct dr_image live;   // what the hardware really has now, or will when #DB ends
    u32 edited;             // bit n: want.slot[n] may differ from live.slot[n]
    bool unordered;         // want.slot may break the order of D4 until the commit
    u64 live_dr7;           // last value written to DR7
    u64 live_addr[HBP_NUM]; // last value written to DR0-DR3, also of free registers
    u32 depth;              // nesting of begin
    bool in_db;             // inside dr_db_enter .. dr_db_exit
    u64 nested_dr6;         // of a #DB in the first instruction of the #DB entry (entry.asm)
    bool lent;              // DR0-DR3 hold a guest's values
    struct dr_stats stats;
};

// What one #DB means. DR6 bits that do not mean a hit are removed, missing ones are added.
struct dr_hits {
    u64 dr6;   // causes as positive bits, DR6_CAUSES
    u64 raw;   // DR6 as it was read
    u32 slots; // bit n: the owner of slot[n] was hit
    // The live slots. They do not change before dr_db_exit(). NULL when a debugger steps through
    // the handler of another #DB.
    const struct dr_slot *slot;
};

// The DR7 bits (G, R/W, LEN) that enable register n (0-3) for this type and length. LEN is 0, 1, 3,
// 2 for 1, 2, 4, 8 bytes (SDM 18.2.4), the Gray code of 0, 1, 2, 3. Execution has length 1.
static inline __attribute__((always_inline)) u64 dr7_encode(int n, u8 type, u8 len)
{
    u32 log = __builtin_ctz(len), condition = type | (log ^ log >> 1) << 2;
    return 2ull << (n * 2) | (u64)condition << (16 + n * 4);
}

// True if every hit of `a` is a hit of `b`: b covers the bytes and the kinds of access of a.
bool dr_implies(const struct dr_slot *a, const struct dr_slot *b);

// Clears DR0-DR3, DR6 and DR7. Once per CPU at boot.
void dr_init(void);

void dr_begin(void);
void dr_commit(void);

// Gives `owner` a free wanted register, if possible one that holds the address already. Returns the
// register's number, or -1 when all four have an owner.
int dr_install(void *owner, u64 addr, enum dr_type type, u8 len);

// Takes `owner` out of its register. False if it had none.
bool dr_evict(const void *owner);

// Gives the register of `owner` another condition. False if it has none.
bool dr_change(const void *owner, u64 addr, enum dr_type type, u8 len);

// Takes the owners of several registers (bit n: DRn) out together, into *image.
// dr_put_back() brings them back later, on any CPU. They get the same registers, unless another
// owner has one of these, or another free register holds the address already. False, and nothing
// has changed, when too few registers are free.
void dr_take_out(u32 regs, struct dr_image *image);
bool dr_put_back(const struct dr_image *image);

// The first and the last step of every #DB. Enter reads DR6, switches DR7 off and clears DR6. It
// removes the bits of registers that are not live, because real CPUs and Bochs also report matches
// of disabled registers. It removes the bits of execute breakpoints at the instruction after a
// step or a hit of data: these have not hit yet. It adds every live register that the reported ones
// imply, because QEMU reports only the first of several. Exit writes DR7 even if nothing changed:
// QEMU keeps a stale match until then.
void dr_db_enter(struct dr_hits *hits);
void dr_db_exit(void);

// Between pause and unpause no breakpoint fires on this CPU. NMI handlers and debuggers need this.
// pause returns the DR7 that it found, and unpause takes that value. If this value is live_dr7, the
// registers may be edited: unpause, edit, pause again. If not, the pause has interrupted a commit
// half way.
u64 dr_pause(void);
void dr_unpause(u64 found);

// Reads DR0-DR3 and DR7 and compares them with what was written. NULL when they are right, else a
// message that says what is wrong. Debug builds (kernel/checks/registers.c) call it at every switch
// and every #DB exit.
const char *dr_check(void);

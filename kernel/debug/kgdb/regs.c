// Registers for gdb: see regs.h.
#include "kernel/debug/kgdb/regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "kernel/base/errno.h"
#include "kernel/debug/kgdb/packet.h"
#include "kernel/debug/kgdb/stop.h"
#include "kernel/debug/kgdb/threads.h"

#define REG64(name)   "<reg name=\"" name "\" bitsize=\"64\" type=\"int64\"/>"
#define REG32(name)   "<reg name=\"" name "\" bitsize=\"32\" type=\"int32\"/>"
#define FPU(name)     "<reg name=\"" name "\" bitsize=\"80\" type=\"i387_ext\"/>"
#define FPU32(name)   "<reg name=\"" name "\" bitsize=\"32\" type=\"int\" group=\"float\"/>"
#define DEBUG64(name) "<reg name=\"" name "\" bitsize=\"64\" type=\"int64\" group=\"system\"/>"

const char kgdb_target_xml[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
    "<architecture>i386:x86-64</architecture><feature name=\"org.gnu.gdb.i386.core\">" REG64("rax")
        REG64("rbx") REG64("rcx") REG64("rdx") REG64("rsi") REG64(
            "rdi") "<reg name=\"rbp\" bitsize=\"64\" type=\"data_ptr\"/>"
                   "<reg name=\"rsp\" bitsize=\"64\" type=\"data_ptr\"/>" REG64("r8") REG64(
                       "r9") REG64("r10") REG64("r11") REG64("r12") REG64("r13") REG64("r14")
                       REG64("r15") "<reg name=\"rip\" bitsize=\"64\" type=\"code_ptr\"/>" REG32(
                           "eflags") REG32("cs") REG32("ss") REG32("ds") REG32("es") REG32("fs")
                           REG32("gs") FPU("st0") FPU("st1") FPU("st2") FPU("st3") FPU("st4") FPU(
                               "st5") FPU("st6") FPU("st7") FPU32("fctrl") FPU32("fstat")
                               FPU32("ftag") FPU32("fiseg") FPU32("fioff") FPU32("foseg") FPU32(
                                   "fooff")
                                   FPU32("fop") "</feature><feature name=\"dr7.debug\">" DEBUG64(
                                       "dr0") DEBUG64("dr1") DEBUG64("dr2") DEBUG64("dr3")
                                       DEBUG64("dr7") "</feature></target>";

struct reg {
    u8 size, offset; // in struct trapframe
    u8 kind;
};

enum { KEPT = 1, SAVED, NONE, IN_DR };

#define FRAME(name, kind)                                                                          \
    {                                                                                              \
        8, offsetof(struct trapframe, name), kind                                                  \
    }
#define FRAME32(name)                                                                              \
    {                                                                                              \
        4, offsetof(struct trapframe, name), SAVED                                                 \
    }
#define ABSENT(size)                                                                               \
    {                                                                                              \
        size, 0, NONE                                                                              \
    }

// KEPT ones are known of a task that is switched out too; IN_DR: `offset` is the number.
static const struct reg regs[] = {
    FRAME(rax, SAVED), FRAME(rbx, KEPT),  FRAME(rcx, SAVED), FRAME(rdx, SAVED), FRAME(rsi, SAVED),
    FRAME(rdi, SAVED), FRAME(rbp, KEPT),  FRAME(rsp, KEPT),  FRAME(r8, SAVED),  FRAME(r9, SAVED),
    FRAME(r10, SAVED), FRAME(r11, SAVED), FRAME(r12, KEPT),  FRAME(r13, KEPT),  FRAME(r14, KEPT),
    FRAME(r15, KEPT),  FRAME(rip, KEPT),  FRAME32(rflags),   FRAME32(cs),       FRAME32(ss),
    ABSENT(4),         ABSENT(4),         ABSENT(4),         ABSENT(4), // ds, es, fs, gs
    ABSENT(10),        ABSENT(10),        ABSENT(10),        ABSENT(10),        ABSENT(10),
    ABSENT(10),        ABSENT(10),        ABSENT(10),        ABSENT(4),         ABSENT(4),
    ABSENT(4),         ABSENT(4),         ABSENT(4),         ABSENT(4),         ABSENT(4),
    ABSENT(4),         {8, 0, IN_DR},     {8, 1, IN_DR},     {8, 2, IN_DR},     {8, 3, IN_DR},
    {8, 7, IN_DR},
};

// What the CPU has while it runs: while it is stopped all are off.
static u64 debug_register(u32 cpu, u32 number)
{
    return number < HBP_NUM ? cpus[cpu].dr.live_addr[number] : cpus[cpu].dr.live_dr7;
}

static void add(const struct reg *r, struct task *t, const struct trapframe *f)
{
    s32 cpu = thread_cpu(t);
    if (r->kind == IN_DR && cpu >= 0) {
        u64 value = debug_register(cpu, r->offset);
        reply_hex(&value, sizeof(value));
    } else if (r->kind == KEPT || (r->kind == SAVED && cpu >= 0)) {
        reply_hex((const u8 *)f + r->offset, r->size);
    } else {
        reply_unknown(r->size);
    }
}

// The frame of a task that runs; else what its stack keeps, in *kept.
static struct trapframe *frame_of(struct task *t, struct trapframe *kept)
{
    s32 cpu = thread_cpu(t);
    if (cpu >= 0)
        return kgdb_frame(cpu);
    context_saved(&t->arch, kept);
    return kept;
}

void regs_reply_all(struct task *t)
{
    struct trapframe kept;
    const struct trapframe *f = frame_of(t, &kept);
    reply_begin();
    for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
        add(&regs[i], t, f);
    reply_send();
}

void regs_reply_one(struct task *t, u64 number)
{
    struct trapframe kept;
    reply_begin();
    if (number < ARRAY_SIZE(regs))
        add(&regs[number], t, frame_of(t, &kept));
    else
        reply_add("E%02x", EINVAL);
    reply_send();
}

// `hex` may be 'x's, for what is not known and stays.
static int write(const struct reg *r, struct trapframe *f, const char **hex)
{
    u8 value[16];
    bool known = **hex != 'x';
    if (!known)
        *hex += 2 * r->size;
    else if (!parse_bytes(hex, value, r->size))
        return -EINVAL;
    for (u32 i = 0; known && r->kind <= SAVED && i < r->size; i++)
        ((u8 *)f)[r->offset + i] = value[i];
    return 0;
}

int regs_write_all(struct task *t, const char *hex)
{
    s32 cpu = thread_cpu(t);
    int err = cpu < 0 ? -EINVAL : 0;
    for (u32 i = 0; !err && *hex && i < ARRAY_SIZE(regs); i++)
        err = write(&regs[i], kgdb_frame(cpu), &hex);
    return err;
}

int regs_write_one(struct task *t, u64 number, const char *hex)
{
    s32 cpu = thread_cpu(t);
    if (cpu < 0 || number >= ARRAY_SIZE(regs) || regs[number].kind > SAVED)
        return -EINVAL;
    return write(&regs[number], kgdb_frame(cpu), &hex);
}

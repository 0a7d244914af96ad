// Registers for gdb: see regs.h.
#include "debug/kgdb/packet.h"
#include "debug/kgdb/regs.h"
#include "debug/kgdb/stop.h"
#include "debug/kgdb/threads.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

enum reg_kind {
    KEPT,  // in a trap frame; of a task that is switched out it is known, too
    SAVED, // in a trap frame only
    NONE,  // not known, but gdb insists on a value
    IN_DR, // `offset` is the number of the debug register
};

struct reg {
    const char *name, *type; // gdb's names
    u8 size, offset, kind;   // bytes; where it is in struct trapframe
};

// clang-format off
#define FRAME(kind, type, name)    {#name, type, 8, offsetof(struct trapframe, name), kind}
#define SHORT(name, field)         {name, "int32", 4, offsetof(struct trapframe, field), SAVED}
#define ABSENT(name, type, size)   {name, type, size, 0, NONE}
#define OURS(name, type, number)   {name, type, 8, number, IN_DR}

// In gdb's order for x86-64: the core registers of amd64, then dr7's own.
static const struct reg regs[] = {
    FRAME(SAVED, "int64", rax), FRAME(KEPT, "int64", rbx), FRAME(SAVED, "int64", rcx),
    FRAME(SAVED, "int64", rdx), FRAME(SAVED, "int64", rsi), FRAME(SAVED, "int64", rdi),
    FRAME(KEPT, "data_ptr", rbp), FRAME(KEPT, "data_ptr", rsp),
    FRAME(SAVED, "int64", r8), FRAME(SAVED, "int64", r9), FRAME(SAVED, "int64", r10),
    FRAME(SAVED, "int64", r11), FRAME(KEPT, "int64", r12), FRAME(KEPT, "int64", r13),
    FRAME(KEPT, "int64", r14), FRAME(KEPT, "int64", r15), FRAME(KEPT, "code_ptr", rip),
    SHORT("eflags", rflags), SHORT("cs", cs), SHORT("ss", ss),
    ABSENT("ds", "int32", 4), ABSENT("es", "int32", 4), ABSENT("fs", "int32", 4),
    ABSENT("gs", "int32", 4),
    ABSENT("st0", "i387_ext", 10), ABSENT("st1", "i387_ext", 10), ABSENT("st2", "i387_ext", 10),
    ABSENT("st3", "i387_ext", 10), ABSENT("st4", "i387_ext", 10), ABSENT("st5", "i387_ext", 10),
    ABSENT("st6", "i387_ext", 10), ABSENT("st7", "i387_ext", 10),
    ABSENT("fctrl", "int", 4), ABSENT("fstat", "int", 4), ABSENT("ftag", "int", 4),
    ABSENT("fiseg", "int", 4), ABSENT("fioff", "int", 4), ABSENT("foseg", "int", 4),
    ABSENT("fooff", "int", 4), ABSENT("fop", "int", 4),
    OURS("dr0", "data_ptr", 0), OURS("dr1", "data_ptr", 1), OURS("dr2", "data_ptr", 2),
    OURS("dr3", "data_ptr", 3), OURS("dr7", "uint64", 7),
};
// clang-format on

#define FIRST_OWN 40 // dr0

void regs_describe(struct text *xml)
{
    text_add(xml, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
                  "<architecture>i386:x86-64</architecture>"
                  "<feature name=\"org.gnu.gdb.i386.core\">");
    for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
        text_add(xml, "%s<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>",
                 i == FIRST_OWN ? "</feature><feature name=\"dr7.debug\">" : "", regs[i].name,
                 regs[i].size * 8u, regs[i].type);
    text_add(xml, "</feature></target>");
}

// The value from before the CPU was stopped. Now all debug registers are off.
static u64 debug_register(u32 cpu, u32 number)
{
    return number < HBP_NUM ? cpus[cpu].dr.live_addr[number] : cpus[cpu].dr.live.control;
}

// Adds the register of a task that runs on this CPU. With cpu -1 the task runs on none.
static void add(const struct reg *r, s32 cpu, const struct trapframe *f)
{
    if (r->kind == IN_DR && cpu >= 0) {
        u64 value = debug_register(cpu, r->offset);
        reply_hex(&value, sizeof(value));
    } else if (r->kind == KEPT || (r->kind == SAVED && cpu >= 0)) {
        reply_hex((const u8 *)f + r->offset, r->size);
    } else {
        reply_unknown(r->size);
    }
}

// The registers that are known of a task that is switched out; the others are 0.
static struct trapframe saved_registers(const struct task *t)
{
    const struct switch_frame *s = (const struct switch_frame *)t->arch.rsp;
    return (struct trapframe){
        .r15 = s->r15,
        .r14 = s->r14,
        .r13 = s->r13,
        .r12 = s->r12,
        .rbx = s->rbx,
        .rbp = s->rbp,
        .rip = s->rip - 1, // inside the call of the switch; the next one may be of another line
        .rsp = (u64)(s + 1),
        .cs = KERNEL_CS,
        .ss = KERNEL_DS,
    };
}

void regs_reply(struct task *t)
{
    s32 cpu = thread_cpu(t);
    struct trapframe kept;
    if (cpu < 0)
        kept = saved_registers(t);
    reply_begin();
    for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
        add(&regs[i], cpu, cpu < 0 ? &kept : kgdb_frame(cpu));
    reply_send();
}

int regs_write(const struct task *t, const char *p)
{
    s32 cpu = thread_cpu(t);
    u8 value[sizeof(u64)];
    u64 number;
    if (cpu < 0 || !parse_hex(&p, &number) || !parse_char(&p, '=') || number >= ARRAY_SIZE(regs))
        return -EINVAL;
    const struct reg *r = &regs[number];
    if (r->kind == NONE || !parse_bytes(&p, value, r->size))
        return -EINVAL;
    if (r->kind != IN_DR) // those follow gdb's breakpoints; gdb restores them after a call in vain
        memcpy((u8 *)kgdb_frame(cpu) + r->offset, value, r->size);
    return 0;
}

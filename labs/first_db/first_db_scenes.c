// Plays scenes. The word "lab=" names them: SCENE,SCENE,... A scene is a row of steps with "+"
// between them, and each step is
//
//   RKL:N  arms register R and touches what it watches N times; K is w (write), r (read) or
//          x (execute), L the length in bytes
//   RtL:N  touches it by N writes of L bytes and leaves the register as it is
//   Rd     disarms register R
//   RsN    goes N times round a loop of two instructions by single steps
//
// After each step a line shows the counts. The grader knows which counts are right.
#include "arch/x86/extable.h"
#include "arch/x86/first_db.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"

#define STORM 1000 // no scene has so many exceptions

u32 hits[4], steps;

volatile u64 lab_target[8] __aligned(64); // register n watches [n * 2]; [n * 2 + 1]: a neighbour
static u32 taken;                         // exceptions in this scene
static bool playing;

// What an execute breakpoint watches: the address of register n's function.
void lab_call0(void), lab_call1(void), lab_call2(void), lab_call3(void);
__asm__(".globl lab_call0, lab_call1, lab_call2, lab_call3\n"
        "lab_call0: nop; ret\n"
        "lab_call1: nop; ret\n"
        "lab_call2: nop; ret\n"
        "lab_call3: nop; ret\n");
static void (*const calls[4])(void) = {lab_call0, lab_call1, lab_call2, lab_call3};

bool lab_takes_db(struct trapframe *f)
{
    if (!playing)
        return false;
    if (++taken <= STORM) {
        on_db(f);
        return true;
    }
    write_dr7(DR7_FIXED_1); // the scene would never end: switch all registers off
    write_dr6(DR6_ACTIVE_LOW);
    f->rflags &= ~RFLAGS_TF;
    return true;
}

// QEMU's log shows where a scene begins: a #GP here, which the exception table mends.
static __attribute__((noinline)) void mark(void)
{
    __asm__ volatile(".globl lab_mark\nlab_mark: mov (%0), %%al\n2:\n" EXTABLE(lab_mark, 2b)
                     :
                     : "r"(1ull << 63)
                     : "rax");
}

static void reset(void)
{
    write_dr7(DR7_FIXED_1);
    for (int n = 0; n < 4; n++) {
        hw_write_dr(n, 0);
        hits[n] = 0;
    }
    write_dr6(DR6_ACTIVE_LOW);
    steps = taken = 0;
}

static void touch(int n, char kind, u32 len, u32 count)
{
    volatile u8 *watched = (volatile u8 *)&lab_target[n * 2];
    for (u32 i = 0; i < count; i++) {
        lab_target[n * 2 + 1] = i; // never watched
        if (kind == 'x')
            calls[n]();
        else if (kind == 'r')
            (void)*watched;
        else
            watched[len - 1] = i; // the last byte that is watched
    }
}

// 2n + 3 steps: the last three are the instructions that end it.
static void single_step(u32 n)
{
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n"
                     "1: sub $1, %0; jnz 1b\n"
                     "pushfq; andq $~0x100, (%%rsp); popfq"
                     : "+r"(n)
                     :
                     : "memory", "cc");
}

static u32 number(const char **s)
{
    u32 v = 0;
    while (**s >= '0' && **s <= '9')
        v = v * 10 + *(*s)++ - '0';
    return v;
}

// Plays one step; returns what follows it.
static const char *play(const char *s)
{
    int n = (*s++ - '0') & 3;
    char kind = *s++;
    u32 len = number(&s), count = *s == ':' ? (s++, number(&s)) : 0;
    if (kind == 'd') {
        disarm(n);
    } else if (kind == 's') {
        single_step(len);
    } else {
        if (kind != 't')
            arm(n, kind == 'x' ? (u64)calls[n] : (u64)&lab_target[n * 2],
                kind == 'x'   ? DR_EXECUTE
                : kind == 'w' ? DR_WRITE
                              : DR_READ_WRITE,
                len);
        touch(n, kind, len, count);
    }
    return s;
}

static void begin_scene(void)
{
    mark();
    reset();
    printk("lab: scene\n");
}

void lab_run(void)
{
    static char words[1024];
    if (!cmdline_get("lab", words, sizeof(words)))
        return;
    playing = true;
    begin_scene();
    for (const char *s = words, *end; *s; s = *end ? end + 1 : end) {
        end = play(s);
        char after = *end;
        words[end - words] = '\0'; // for a moment the step is a string
        printk("lab: %-8s DR0 %-4u DR1 %-4u DR2 %-4u DR3 %-4u steps %u\n", s, hits[0], hits[1],
               hits[2], hits[3], steps);
        words[end - words] = after;
        if (*end == ',')
            begin_scene();
    }
    mark();
    printk("dr7: core ended with status 0\n");
    machine_off(0);
}

// The debug-register file of a hand-in, above simulated registers that only record the writes.
// Every verdict is made in another process (judge.py). A line of input is a script of words:
//
//   b            dr_begin()                       c        dr_commit()
//   +A0w8        dr_install(): owner A, BASE + 0, write, 8 bytes (types: x, w, a)
//   =A4a2        dr_change()                      -A       dr_evict()
//   eCAUSES      a #DB begins, DR6 has these bits (hexadecimal) beside the fixed ones
//   q            the #DB ends                     nCAUSES  a #DB in the entry came before the next
//
// The answer is one line: "n=VALUE" for each write to DRn, "rN" for an install ("r-": none was
// free), "y" or "n" for a change or an eviction, "hSLOTS,DR6" for what a #DB means; ";" ends a
// word.
#include "labs/asker.h"

#include "arch/x86/debugreg_hw.h"

#define BASE 0x1000

static char owners[26];
static struct dr_file file;
static u64 regs[8];
static bool boots;

void hw_write_dr(int n, u64 v)
{
    if (!boots)
        say("%d=%llx ", n, (unsigned long long)v);
    regs[n & 7] = v;
}

u64 hw_read_dr(int n)
{
    return regs[n & 7];
}

struct dr_file *this_dr(void)
{
    return &file;
}

static u64 causes(const char *w)
{
    return DR6_ACTIVE_LOW | strtoul(w, NULL, 16);
}

static void enter(const char *w)
{
    struct dr_hits hits = {0};
    regs[6] = causes(w);
    dr_db_enter(&hits);
    say("h%x,%llx ", hits.slots, (unsigned long long)hits.dr6);
}

static void install(const char *w, bool change)
{
    char *owner = &owners[w[0] - 'A'];
    u64 addr = BASE + strtoul((char[]){w[1], 0}, NULL, 16);
    enum dr_type type = w[2] == 'x' ? DR_EXECUTE : w[2] == 'w' ? DR_WRITE : DR_READ_WRITE;
    u8 len = w[3] - '0';
    if (change) {
        say("%c ", dr_change(owner, addr, type, len) ? 'y' : 'n');
        return;
    }
    int n = dr_install(owner, addr, type, len);
    say(n < 0 ? "r- " : "r%d ", n);
}

static void play(const char *w)
{
    // clang-format off
    switch (w[0]) {
    case 'b': dr_begin(); break;
    case 'c': dr_commit(); break;
    case 'e': enter(w + 1); break;
    case 'q': dr_db_exit(); break;
    case 'n': file.nested_dr6 = causes(w + 1); break;
    case '-': say("%c ", dr_evict(&owners[w[1] - 'A']) ? 'y' : 'n'); break;
    default: install(w + 1, w[0] == '='); break;
    }
    // clang-format on
    say("; ");
}

static void run(void)
{
    boots = true;
    dr_init();
    boots = false;
    for (char *w = strtok(line, " \n"); w; w = strtok(NULL, " \n"))
        play(w);
    end_line();
}

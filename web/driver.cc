// Bochs' debugger without its own loop, for web/machine.js. A command is a call. The output of the
// debugger and of COM1 goes to the page at once. A command that runs the machine returns when its
// time is over. Time is ticks: instructions since power-on, or their substitute while the CPU
// waits.
#include "bochs.h"
#include "cpu/cpu.h"
#include "memory/memory-bochs.h"
#include "pc_system.h"
#include "bx_debug/debug.h"
#include "iodev/iodev.h"
#include "iodev/serial_raw.h"

#include <csetjmp>
#include <emscripten.h>

int bx_init_main(int argc, char *argv[]);
int bx_begin_simulation(int argc, char *argv[]);
void bx_init_siminterface();
void bx_dbg_interpret_line(char *line);
void bx_dbg_disassemble_current(int cpu, int print_time);

// Functions of web/machine.js: it takes text and bytes, and gives the keys. It remembers the tick
// of each key: the same keys at the same ticks give the same run.
EM_JS(void, says, (const char *text), { Module.says(UTF8ToString(text)); });
EM_JS(void, sends, (int byte), { Module.sends(byte); });
EM_JS(int, has_key, (double ticks), { return Module.hasKey(ticks); });
EM_JS(int, next_key, (double ticks), { return Module.nextKey(ticks); });

// How a call ended. At the prompt: the command is done; over: its time is.
enum end { PROMPT, OVER, OFF };

static jmp_buf caller;
static int timer;
static bool is_over;
static char line[512];

// True if the CPU is at a breakpoint.
static bool is_hit() { return BX_CPU(0)->guard_found.guard_found != 0; }

// What Bochs asks of a user interface. It waits for no answer here: at its prompt, and when it
// cannot go on (the machine is off, or a fault of Bochs), the call from the page is done.
static BxEvent *on_event(void *, BxEvent *event)
{
    if (event->type == BX_SYNC_EVT_GET_DBG_COMMAND)
        longjmp(caller, 1 + PROMPT);
    if (event->type == BX_SYNC_EVT_LOG_DLG) {
        says(event->u.logmsg.msg);
        says("\n");
        longjmp(caller, 1 + OFF);
    }
    // The debugger's messages about this timer are dropped.
    if (event->type == BX_ASYNC_EVT_DBG_MSG &&
        !(is_over && (!is_hit() || strstr(event->u.logmsg.msg, "Caught time breakpoint"))))
        says(event->u.logmsg.msg);
    event->retcode = 0;
    if (BX_EVT_IS_ASYNC(event->type))
        delete event;
    return event;
}

// The CPU loop ends after this instruction, as after the last one of `s N`, so a breakpoint there
// still counts. A CPU that waits executes no instruction, so an interrupt from the keyboard ends
// its loop.
static void on_time_over(void *)
{
    is_over = true;
    BX_CPU(0)->stop_reason = STOP_TIME_BREAK_POINT;
    if (BX_CPU(0)->activity_state != BX_CPU_C::BX_ACTIVITY_STATE_ACTIVE)
        bx_guard.interrupt_requested = true;
    bx_guard.guard_for |= BX_DBG_GUARD_ICOUNT;
    BX_CPU(0)->guard_found.icount_max = 0;
}

static int guarded(void (*act)())
{
    int end = setjmp(caller);
    if (end)
        return end - 1;
    act();
    return is_over && !is_hit() ? OVER : PROMPT;
}

static void power_on()
{
    static const char *words[] = {"bochs", "-q", "-debugger", "-f", "/bochsrc", nullptr};
    char **argv = const_cast<char **>(words);

    bx_init_siminterface();
    bx_init_main(5, argv);
    SIM->set_notify_callback(on_event, nullptr);
    SIM->set_debug_gui(true);
    bx_begin_simulation(5, argv);
}

extern "C" {

// Reads /bochsrc and switches the machine on, up to the debugger's first prompt.
EMSCRIPTEN_KEEPALIVE int machine_start()
{
    int end = guarded(power_on);

    // Bochs allocates a block of memory at its first use. If they are used in order, they are
    // contiguous.
    for (bx_phy_address at = 0; at < BX_MEM(0)->get_memory_len(); at += 4096)
        BX_MEM(0)->get_vector(at);
    timer = bx_pc_system.register_timer_ticks(nullptr, on_time_over, 1, false, false, "web");
    return end;
}

// One line for the debugger, at most 510 bytes. The machine runs at most `ticks` (at least 1).
EMSCRIPTEN_KEEPALIVE int machine_command(const char *text, double ticks)
{
    strncpy(line, text, sizeof(line) - 2);
    strcat(line, "\n");
    is_over = false;
    bx_pc_system.activate_timer_ticks(timer, (Bit64u) ticks, false);
    int end = guarded([] { bx_dbg_interpret_line(line); });
    bx_pc_system.deactivate_timer(timer);
    return end;
}

// Forgets decoded instructions, so that a copy of this memory is smaller. Bochs decodes them again.
EMSCRIPTEN_KEEPALIVE void machine_forget()
{
    BX_CPU(0)->iCache.flushICacheEntries();
    memset(BX_CPU(0)->iCache.mpool, 0, sizeof(BX_CPU(0)->iCache.mpool));
}

// Prints where the machine is, as the debugger does after each stop.
EMSCRIPTEN_KEEPALIVE void machine_where()
{
    is_over = false; // otherwise the text is dropped
    dbg_printf("Next at t=" FMT_LL "d\n", bx_pc_system.time_ticks());
    bx_dbg_disassemble_current(0, 0);
}

// Sets a hidden breakpoint, or none, for `over` and `out`.
EMSCRIPTEN_KEEPALIVE void machine_until(unsigned high, unsigned low)
{
    while (bx_dbg_del_lbreak(0)) {
    }
    if (high || low)
        bx_dbg_lbreakpoint_command(bkStepOver, (Bit64u) high << 32 | low, nullptr);
}

// The values of STATE in web/machine.js, in that order.
EMSCRIPTEN_KEEPALIVE const Bit64u *machine_state()
{
    static Bit64u state[33];
    BX_CPU_C *cpu = BX_CPU(0);
    Bit64u *to = state;

    *to++ = bx_pc_system.time_ticks();
    *to++ = cpu->get_icount();
    *to++ = cpu->get_instruction_pointer();
    *to++ = cpu->read_eflags();
    for (int i = 0; i < 16; i++)
        *to++ = cpu->get_reg64(i);
    for (int i = 0; i < 4; i++)
        *to++ = cpu->dr[i];
    *to++ = cpu->dr6.get32();
    *to++ = cpu->dr7.get32();
    *to++ = cpu->cr0.get32();
    *to++ = cpu->cr2;
    *to++ = cpu->cr3;
    *to++ = cpu->cr4.get32();
    *to++ = cpu->sregs[BX_SEG_REG_CS].selector.value;
    *to++ = cpu->get_segment_base(BX_SEG_REG_GS);
    *to++ = (size_t) BX_MEM(0)->get_vector(0); // one piece (bochsrc: host as much as guest)
    return state;
}

// `length` bytes, at most 4096, of the running address space; null: not mapped.
EMSCRIPTEN_KEEPALIVE const Bit8u *machine_read(unsigned high, unsigned low, unsigned length)
{
    static Bit8u bytes[4096];
    Bit64u address = (Bit64u) high << 32 | low;
    bx_phy_address physical;

    for (Bit64u page = address & ~4095ull; page < address + length; page += 4096)
        if (!BX_CPU(0)->dbg_xlate_linear2phy(page, &physical))
            return nullptr;
    return bx_dbg_read_linear(0, address, length, bytes) ? bytes : nullptr;
}

} // extern "C"

// COM1: the class for a serial port of the host. Here the port is the page.
serial_raw::serial_raw(const char *) {}
serial_raw::~serial_raw() {}
void serial_raw::set_baudrate(int) {}
void serial_raw::set_data_bits(int) {}
void serial_raw::set_stop_bits(int) {}
void serial_raw::set_parity_mode(int) {}
void serial_raw::set_break(int) {}
void serial_raw::set_modem_control(int) {}

int serial_raw::get_modem_status() { return 0x30; } // the other side is connected and ready
bool serial_raw::ready_transmit() { return true; }
void serial_raw::transmit(Bit8u byte) { sends(byte); }
bool serial_raw::ready_receive() { return has_key((double) bx_pc_system.time_ticks()); }
int serial_raw::receive() { return next_key((double) bx_pc_system.time_ticks()); }

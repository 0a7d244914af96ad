// The log: every message goes into a ring and, at once, to the outputs that the command line chose.
//
// printk must work in every context, so its lock is not a spinlock. A #DB or an NMI may come while
// this CPU writes a message. `owner` is the lock and names its holder, so the handler can find out.
// Its message is then kept, and follows the message that it interrupted.
#include "kernel/base/printk.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/string.h"

#define LINE_SIZE   512 // of one message
#define NESTED_SIZE 2048
#define NO_PORT     (-1)

static u32 owner; // CPU + 1 of the one that writes, 0 when free
static bool forced;

// Guarded by owner.
char log_text[LOG_SIZE];
u64 log_end;
static bool opened;
static int log_port = COM1;
bool log_on_screen = true;

// Written while this CPU is the owner, by what interrupts it.
static char nested[NESTED_SIZE];
static u32 nested_len;

bool log_take(void)
{
    u32 me = cpu_id() + 1;
    for (;;) {
        u32 seen = 0;
        if (__atomic_load_n(&forced, __ATOMIC_RELAXED) ||
            __atomic_compare_exchange_n(&owner, &seen, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
        if (seen == me)
            return false;
        cpu_pause();
    }
}

void log_release(void)
{
    __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

// A terminal begins the next line at the left margin only after a CR.
static void write_lines(int port, const char *s, size_t n)
{
    for (const char *end = s + n; s < end;) {
        const char *at = s;
        while (at < end && *at != '\n')
            at++;
        serial_write(port, s, at - s);
        if (at < end)
            serial_write(port, "\r\n", 2);
        s = at + 1;
    }
}

static void write_log_devices(const char *s, size_t n)
{
    if (log_port == NO_PORT)
        return;
    write_lines(log_port, s, n);
    if (log_on_screen)
        screen_write(s, n);
}

static void append(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        log_text[log_end++ % LOG_SIZE] = s[i];
    if (opened)
        write_log_devices(s, n);
}

static void append_nested(void)
{
    u32 done = 0, n = 0;
    while (!__atomic_compare_exchange_n(&nested_len, &n, 0, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
        append(nested + done, n - done);
        done = n;
    }
}

static void keep_nested(const char *s, u32 n)
{
    n = MIN(n, NESTED_SIZE - nested_len);
    memcpy(nested + nested_len, s, n);
    barrier();
    nested_len += n;
}

void printk(const char *fmt, ...)
{
    char text[LINE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    size_t n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = MIN(n, sizeof(text) - 1);

    u64 flags = irq_save();
    if (log_take()) {
        append(text, n);
        append_nested();
        log_release();
    } else {
        keep_nested(text, n);
    }
    irq_restore(flags);
}

// Sends what was logged so far.
static void open_devices(void)
{
    opened = true;
    for (u64 i = log_end - MIN(log_end, LOG_SIZE); i < log_end; i++)
        write_log_devices(&log_text[i % LOG_SIZE], 1);
}

void log_init(void)
{
    char name[8] = "com1";
    bool known = true;
    cmdline_get("log", name, sizeof(name));
    if (!strcmp(name, "com2"))
        log_port = COM2;
    else if (!strcmp(name, "none"))
        log_port = NO_PORT;
    else
        known = !strcmp(name, "com1");
    log_on_screen = cmdline_u64("vga", 1) != 0;
    if (!known)
        printk("log: no output \"%s\"; com1 is used\n", name);
    open_devices();
}

const char *log_time(char buf[LOG_TIME])
{
    u64 us = clock_since_entry_ns() / 1000;
    if (us)
        snprintf(buf, LOG_TIME, "%5lu.%03lu", us / 1000, us % 1000);
    return us ? buf : "        -";
}

void log_force(void)
{
    __atomic_store_n(&forced, true, __ATOMIC_RELAXED);
    if (!opened)
        open_devices();
}

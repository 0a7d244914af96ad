// The console. It moves bytes between the serial line or the keyboard, the line discipline, and
// programs.
#include "linux/fs/console.h"

#include "arch/x86/screen.h"
#include "arch/x86/uaccess.h"
#include "arch/x86/user/devices.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/printk.h"
#include "linux/fs/line.h"
#include "linux/fs/naws.h"
#include "linux/fs/upcalls.h"
#include "linux/fs/vfs.h"

#include <asm/termios.h>

#define DLE 0x10
#define EOT 0x04

#define CHUNK 256 // bytes that are taken or sent at once under the lock

static struct spinlock tty_lock = SPINLOCK("console", RANK_TTY); // guards these three
static struct line line;
static struct naws naws;
static struct winsize window; // the screen's size, until the terminal says its own
static struct wait_queue readers;
static bool raw;       // "tty=raw" was given; constant after boot
static bool listening; // a program has opened the console
static u32 foreground;

// Writes to COM1 and, unless vga=0, to the screen. The log does not record it. Any context.
static void write_raw(const char *s, size_t n)
{
    u64 flags = irq_save();
    bool taken = log_take();
    serial_write(COM1, s, n);
    if (log_on_screen)
        terminal_write(s, n);
    if (taken)
        log_release();
    irq_restore(flags);
}

u32 console_init(void)
{
    char mode[8];
    wait_init(&readers);
    window = (struct winsize){.ws_row = screen->rows, .ws_col = screen->columns};
    line_init(&line, write_raw);
    raw = cmdline_get("tty", mode, sizeof(mode)) && strcmp(mode, "raw") == 0;
    if (raw)
        line.t.c_iflag = line.t.c_oflag = line.t.c_lflag = 0;
    return raw ? S_IFIFO | 0600 : S_IFCHR | 0666;
}

u32 console_foreground(void)
{
    return __atomic_load_n(&foreground, __ATOMIC_RELAXED);
}

void console_set_foreground(u32 pgrp)
{
    __atomic_store_n(&foreground, pgrp, __ATOMIC_RELAXED);
}

// Takes a new size of the terminal. Programs in the foreground get SIGWINCH if it has changed.
static void set_window(struct winsize w)
{
    bool same = memcmp(&w, &window, sizeof(w)) == 0;
    window = w;
    if (!same)
        console_signal(SIGWINCH);
}

// Takes a byte of the serial line or of the keyboard, with a terminal at the other end.
static void take_typed(u8 c)
{
    enum naws_answer what = naws_input(&naws, c);
    int sig = what == NAWS_TYPED ? line_input(&line, c) : 0;
    if (what == NAWS_RESIZED)
        set_window((struct winsize){.ws_row = naws_rows(&naws), .ws_col = naws_columns(&naws)});
    if (sig)
        console_signal(sig);
}

// Takes a byte. Without a terminal DLE is special: DLE DLE is one DLE, and DLE EOT is the end of
// file.
static void take_byte(u8 c)
{
    static bool kept;
    if (raw && (kept || c == DLE)) {
        kept = !kept;
        if (kept || c == EOT) {
            line.ended |= !kept;
            return;
        }
    }
    if (raw)
        line_input(&line, c);
    else
        take_typed(c);
}

// Wakes some tasks from the front of the queue. True: more are waiting, and a task must wake them.
static bool wake_some(struct wait_queue *q)
{
    if (!wait_queue_used(q))
        return false;
    u64 flags = spin_lock_irqsave(&q->lock);
    bool more = wake_part(&q->waiters, &q->waiters);
    spin_unlock_irqrestore(&q->lock, flags);
    return more;
}

// Takes the key, or all bytes of the serial line for which there is room. With a terminal there is
// always room, because bytes without room are dropped. IRQs off.
static void take_input(int key)
{
    int c;
    if (!listening)
        return;
    spin_lock(&tty_lock);
    if (key >= 0)
        take_byte(key);
    while (key < 0 && !(raw && line_full(&line)) && (c = serial_read(COM1)) >= 0)
        take_byte(c);
    bool ready = line_ready(&line);
    spin_unlock(&tty_lock);
    bool more = ready && wake_some(&readers);
    more |= ready && wake_some(&file_events);
    if (more)
        console_wake_rest();
}

void console_wake(void)
{
    wake_all(&readers);
    wake_all(&file_events);
}

void console_input(u8 c)
{
    take_input(c);
}

void console_serial_input(void)
{
    take_input(-1);
}

static bool console_ready(void)
{
    u64 flags = spin_lock_irqsave(&tty_lock);
    bool ready = line_ready(&line);
    spin_unlock_irqrestore(&tty_lock, flags);
    return ready;
}

// Takes one chunk of the input. False when there is no input yet.
static bool take_chunk(u8 *to, size_t n, size_t *got, bool *more)
{
    u64 flags = spin_lock_irqsave(&tty_lock);
    bool ready = line_ready(&line);
    if (ready)
        *got = line_take(&line, to, n, more);
    spin_unlock(&tty_lock);
    if (ready && raw) // more bytes may have waited for this room
        take_input(-1);
    irq_restore(flags);
    return ready;
}

static ssize_t console_read(struct file *f, u64 ubuf, size_t n, u64 *)
{
    u8 buf[CHUNK];
    size_t done = 0, got;
    bool more = true;
    if (n == 0)
        return 0;
    while (more && done < n) {
        if (!take_chunk(buf, MIN(n - done, sizeof(buf)), &got, &more)) {
            if (done)
                break;
            if (f->flags & O_NONBLOCK)
                return -EAGAIN;
            if (wait_event_interruptible(&readers, console_ready()))
                return -ERESTARTSYS;
            continue;
        }
        if (copy_to_user(ubuf + done, buf, got))
            return done ? (ssize_t)done : -EFAULT;
        done += got;
    }
    return done;
}

static ssize_t console_write(struct file *, u64 ubuf, size_t n, u64 *)
{
    char buf[CHUNK], out[2 * CHUNK];
    size_t done = 0;
    while (done < n) {
        size_t chunk = MIN(n - done, sizeof(buf));
        if (copy_from_user(buf, ubuf + done, chunk))
            return done ? (ssize_t)done : -EFAULT;
        // The modes are read without the lock, so a change may take effect one chunk later.
        write_raw(out, line_output(&line, buf, chunk, out));
        done += chunk;
        if (done < n && sched_interrupted())
            break;
    }
    return done;
}

static s64 get_modes(u64 arg)
{
    u64 flags = spin_lock_irqsave(&tty_lock);
    struct termios t = line.t;
    spin_unlock_irqrestore(&tty_lock, flags);
    return put_user(t, arg);
}

static s64 set_modes(u64 arg, bool flush)
{
    struct termios t;
    if (get_user(t, arg))
        return -EFAULT;
    u64 flags = spin_lock_irqsave(&tty_lock);
    if (flush)
        line_flush(&line);
    line_set_modes(&line, &t);
    spin_unlock_irqrestore(&tty_lock, flags);
    wake_all(&readers); // when editing ends, bytes typed so far can be read
    return 0;
}

static s64 flush_input(void)
{
    u64 flags = spin_lock_irqsave(&tty_lock);
    line_flush(&line);
    spin_unlock_irqrestore(&tty_lock, flags);
    return 0;
}

static s64 set_foreground(u64 arg)
{
    s32 pgrp;
    if (get_user(pgrp, arg))
        return -EFAULT;
    if (pgrp <= 0)
        return -EINVAL;
    console_set_foreground(pgrp);
    return 0;
}

static s64 change_window(u64 arg)
{
    struct winsize w;
    if (get_user(w, arg))
        return -EFAULT;
    u64 flags = spin_lock_irqsave(&tty_lock);
    set_window(w);
    spin_unlock_irqrestore(&tty_lock, flags);
    return 0;
}

static s64 give_window(u64 arg)
{
    u64 flags = spin_lock_irqsave(&tty_lock);
    struct winsize w = window;
    spin_unlock_irqrestore(&tty_lock, flags);
    return put_user(w, arg);
}

static s64 console_ioctl(struct file *, u32 cmd, u64 arg)
{
    u32 number;
    if (cmd == FIONREAD) {
        number = line_available(&line);
        return put_user(number, arg);
    }
    if (raw)
        return -ENOTTY;
    switch (cmd) {
    case TCGETS:
        return get_modes(arg);
    case TCSETS:
    case TCSETSW: // "after all output": here output never waits
        return set_modes(arg, false);
    case TCSETSF:
        return set_modes(arg, true);
    case TCFLSH:
        return flush_input();
    case TIOCGPGRP:
        number = console_foreground();
        return put_user(number, arg);
    case TIOCSPGRP:
        return set_foreground(arg);
    case TIOCGSID:
        return put_user(current_process()->sid, arg);
    case TIOCSCTTY: // this is the terminal of every session
        return 0;
    case TIOCGWINSZ:
        return give_window(arg);
    case TIOCSWINSZ:
        return change_window(arg);
    default:
        return -ENOTTY;
    }
}

static u32 console_poll(struct file *)
{
    return POLLOUT | (console_ready() ? POLLIN : 0);
}

static int console_open(struct file *)
{
    if (!__atomic_exchange_n(&listening, true, __ATOMIC_RELAXED)) {
        u64 irqs = irq_save();
        serial_irq_enable(COM1);
        console_serial_input(); // bytes that came before raise no interrupt any more
        irq_restore(irqs);
    }
    return 0;
}

const struct file_ops console_ops = {
    .open = console_open,
    .read = console_read,
    .write = console_write,
    .ioctl = console_ioctl,
    .poll = console_poll,
};

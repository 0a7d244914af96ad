// gdb's commands: see session.h. The protocol is in the gdb manual, appendix E.
#include "arch/x86/platform.h"
#include "debug/kgdb/breaks.h"
#include "debug/kgdb/memory.h"
#include "debug/kgdb/packet.h"
#include "debug/kgdb/regs.h"
#include "debug/kgdb/session.h"
#include "debug/kgdb/step.h"
#include "debug/kgdb/threads.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

#define KILL_STATUS 1 // of the machine
#define LIST_MAX    32768
#define READ_MAX    (PACKET_MAX / 2)

static char in[PACKET_MAX + 1];
static char list_buffer[LIST_MAX]; // a list, which gdb reads in pieces
static struct text list = {list_buffer, LIST_MAX, 0};
static u8 bytes[READ_MAX];

static bool attached __protected_bss; // atomic
static bool gdb_waits;                // gdb has let the machine go on and waits for a stop
static const struct stop *now;        // why the machine is stopped
static u32 leader;
static struct task *selected; // gdb means the registers and the memory of this one

__protected_text bool kgdb_attached(void)
{
    return __atomic_load_n(&attached, __ATOMIC_RELAXED);
}

// ---- stops ----

static void reply_stop(void)
{
    static const char *const watch[] = {
        [Z_WRITE] = "watch", [Z_READ] = "rwatch", [Z_ACCESS] = "awatch"};
    reply_begin();
    reply_add("T%02xthread:%x;core:%x;", now->signal, thread_id(thread_on(leader)), leader);
    if (now->kind == STOP_SWBREAK)
        reply_add("swbreak:;");
    if (now->kind == STOP_HWBREAK)
        reply_add("hwbreak:;");
    if (now->kind == STOP_WATCH)
        reply_add("%s:%lx;", watch[kgdb_slot_kind(now->slot)], now->addr);
    reply_send();
}

// ---- packets with names ----

// Replies with a piece of a list. The list is made when gdb asks for its first piece; 'l' marks the
// last piece.
static void query_list(const char *p, void (*make)(struct text *xml))
{
    u64 offset, length;
    if (!parse_pair(&p, &offset, &length)) {
        reply_result(-EINVAL);
        return;
    }
    if (!offset) {
        list.len = 0;
        make(&list);
    }
    offset = MIN(offset, list.len);
    length = MIN(MIN(length, list.len - offset), READ_MAX - 1); // each byte may become two
    reply_begin();
    reply_add("%c", offset + length == list.len ? 'l' : 'm');
    reply_text(list.buf + offset, length);
    reply_send();
}

static bool has_prefix(const char **p, const char *prefix)
{
    bool found = strstarts(*p, prefix);
    *p += found ? strlen(prefix) : 0;
    return found;
}

static void named_packet(const char *p)
{
    if (has_prefix(&p, "qSupported")) {
        packet_new_peer();
        reply_begin();
        reply_add("PacketSize=%x;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+;"
                  "qXfer:features:read+;qXfer:threads:read+",
                  PACKET_MAX);
        reply_send();
    } else if (has_prefix(&p, "qXfer:features:read:target.xml:")) {
        query_list(p, regs_describe);
    } else if (has_prefix(&p, "qXfer:threads:read::")) {
        query_list(p, thread_list);
    } else if (has_prefix(&p, "qAttached")) {
        reply("1"); // when gdb ends, it detaches and kills nothing
    } else if (strcmp(p, "vCont?") == 0) {
        reply("vCont;c;C;s;S");
    } else if (strstarts(p, "vKill")) {
        reply("OK");
        machine_off(KILL_STATUS);
    } else if (strcmp(p, "QStartNoAckMode") == 0) {
        reply("OK");
        packet_acks(false);
    } else {
        reply("");
    }
}

// ---- threads ----

// Thread numbers 0 and -1 mean any thread. Here that is the thread that has stopped.
static struct task *parse_thread(const char **p)
{
    u64 id;
    if (parse_char(p, '-'))
        return parse_hex(p, &id) ? thread_on(leader) : NULL;
    if (!parse_hex(p, &id))
        return NULL;
    return id ? thread_find(id) : thread_on(leader);
}

static void select_thread(const char *p) // Hg is for registers and memory; old packets have Hc
{
    bool meant = parse_char(&p, 'g');
    struct task *t = meant || parse_char(&p, 'c') ? parse_thread(&p) : NULL;
    if (t && meant)
        selected = t;
    reply_result(t ? 0 : -ESRCH);
}

// ---- memory ----

static void read_memory(const char *p)
{
    u64 addr, n;
    bool valid = parse_pair(&p, &addr, &n) && n <= READ_MAX;
    int err = valid ? memory_move(selected, addr, bytes, n, false) : -EINVAL;
    if (err) {
        reply_result(err);
        return;
    }
    reply_begin();
    reply_hex(bytes, n);
    reply_send();
}

static int write_memory(const char *p)
{
    u64 addr, n;
    if (!parse_pair(&p, &addr, &n) || !parse_char(&p, ':') || n > READ_MAX ||
        !parse_bytes(&p, bytes, n))
        return -EINVAL;
    return memory_move(selected, addr, bytes, n, true);
}

// ---- breakpoints ----

static void change_break(const char *p, bool insert)
{
    u64 kind, addr, len;
    int err = -EINVAL;
    if (parse_pair(&p, &kind, &addr) && parse_char(&p, ',') && parse_hex(&p, &len)) {
        if (kind > Z_ACCESS) {
            reply("");
            return;
        }
        err = insert ? kgdb_break_insert(kind, addr, len) : kgdb_break_remove(kind, addr, len);
    }
    reply_result(err);
}

// ---- going on ----

// "vCont;action[:thread];...". One thread may step. The others stand still meanwhile, unless there
// is an action for them. True if the machine goes on.
static bool resume(const char *p, struct plan *plan)
{
    struct task *stepper = NULL;
    bool valid = true, all = false, done = false;
    u64 signal;
    while (valid && parse_char(&p, ';')) {
        bool steps = *p == 's' || *p == 'S';
        if (parse_char(&p, 'C') || parse_char(&p, 'S'))
            valid = parse_hex(&p, &signal); // no signal is sent to the kernel
        else
            valid = parse_char(&p, 'c') || parse_char(&p, 's');
        bool named = parse_char(&p, ':');
        struct task *t = named ? parse_thread(&p) : thread_on(leader);
        valid = valid && t;
        if (steps && !stepper)
            stepper = t;
        all = all || !named;
    }
    int err = valid ? 0 : -EINVAL;
    if (!err && stepper) {
        s32 cpu = thread_cpu(stepper);
        plan->alone = !all;
        err = cpu < 0 ? -EINVAL : kgdb_step_begin(cpu, plan, &done);
    }
    gdb_waits = !err && !done;
    if (err)
        reply_result(err);
    else if (done)
        reply_stop();
    return gdb_waits;
}

static void leave(void)
{
    reply("OK");
    kgdb_break_remove_all();
    __atomic_store_n(&attached, false, __ATOMIC_RELAXED);
    packet_acks(true);
}

// If gdb waits for a stop, it is told that the "process" has exited.
void debugger_off(u32 status)
{
    if (!gdb_waits)
        return;
    gdb_waits = false;
    packet_acks(false); // nobody would read acknowledgements
    reply_begin();
    reply_add("W%02x", status);
    reply_send();
}

// True: the machine goes on.
static bool obey(struct plan *plan)
{
    const char *p = in;
    if (strstarts(in, "vCont;"))
        return resume(in + strlen("vCont"), plan);
    switch (*p++) {
    case '?':
        reply_stop();
        break;
    case 'g':
        regs_reply(selected);
        break;
    case 'P':
        reply_result(regs_write(selected, p));
        break;
    case 'm':
        read_memory(p);
        break;
    case 'M':
        reply_result(write_memory(p));
        break;
    case 'H':
        select_thread(p);
        break;
    case 'T':
        reply_result(parse_thread(&p) ? 0 : -ESRCH);
        break;
    case 'Z':
    case 'z':
        change_break(p, in[0] == 'Z');
        break;
    case 'D':
        leave();
        return true;
    default:
        named_packet(in);
    }
    return false;
}

void kgdb_session(const struct stop *why, struct plan *plan)
{
    now = why;
    leader = cpu_id();
    selected = thread_on(leader);
    if (gdb_waits)
        reply_stop();
    gdb_waits = false;
    do {
        packet_get(in);
        __atomic_store_n(&attached, true, __ATOMIC_RELAXED);
    } while (!obey(plan));
}

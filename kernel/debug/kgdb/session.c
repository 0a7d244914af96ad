// gdb's commands: see session.h. The protocol is in the gdb manual, appendix E.
#include "kernel/debug/kgdb/session.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"
#include "kernel/debug/kgdb/breaks.h"
#include "kernel/debug/kgdb/memory.h"
#include "kernel/debug/kgdb/packet.h"
#include "kernel/debug/kgdb/regs.h"
#include "kernel/debug/kgdb/step.h"
#include "kernel/debug/kgdb/threads.h"

#define KILL_STATUS 1 // of the machine
#define LIST_MAX    32768
#define READ_MAX    (PACKET_MAX / 2)

static char in[PACKET_MAX + 1];
static char list[LIST_MAX]; // what gdb reads in pieces, from the first to the last
static size_t list_length;
static u8 bytes[READ_MAX];

static bool attached __protected_bss; // atomic
static bool gdb_waits;                // for a stop: it has let the machine go on
static const struct stop *now;        // why it is stopped
static u32 leader;
static struct task *selected; // whose registers and memory are meant

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

// ---- queries ----

// A piece of a list, which is made with the first one: 'l' marks the last.
static void query_list(const char *p, size_t (*make)(char *buf, size_t size))
{
    u64 offset, length;
    if (!parse_pair(&p, &offset, &length)) {
        reply_result(-EINVAL);
        return;
    }
    if (!offset)
        list_length = make(list, sizeof(list));
    offset = MIN(offset, list_length);
    length = MIN(MIN(length, list_length - offset), READ_MAX - 1); // each may have to be escaped
    reply_begin();
    reply_add("%c", offset + length == list_length ? 'l' : 'm');
    reply_binary(list + offset, length);
    reply_send();
}

static bool has_prefix(const char **p, const char *prefix)
{
    bool found = strstarts(*p, prefix);
    *p += found ? strlen(prefix) : 0;
    return found;
}

static void query(const char *p)
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
        reply("1"); // gdb that ends takes its leave, and kills nothing
    } else if (strcmp(p, "qC") == 0) {
        reply_begin();
        reply_add("QC%x", thread_id(thread_on(leader)));
        reply_send();
    } else if (strcmp(p, "QStartNoAckMode") == 0) {
        reply("OK");
        packet_acks(false);
    } else {
        reply("");
    }
}

// ---- threads ----

// 0 and -1 mean any: that is the one that has stopped.
static struct task *parse_thread(const char **p)
{
    u64 id;
    if (parse_char(p, '-'))
        return parse_hex(p, &id) ? thread_on(leader) : NULL;
    if (!parse_hex(p, &id))
        return NULL;
    return id ? thread_find(id) : thread_on(leader);
}

static void select_thread(const char *p) // Hg: registers and memory; Hc is for old packets
{
    char what = *p++;
    struct task *t = parse_thread(&p);
    if (t && what == 'g')
        selected = t;
    reply_result(t ? 0 : -ESRCH);
}

// ---- memory ----

static void read_memory(const char *p)
{
    u64 addr, n;
    bool valid = parse_pair(&p, &addr, &n) && n <= READ_MAX;
    int err = valid ? memory_read(selected, addr, bytes, n) : -EINVAL;
    if (err) {
        reply_result(err);
        return;
    }
    reply_begin();
    reply_hex(bytes, n);
    reply_send();
}

static int write_memory(const char *p, size_t length, bool binary)
{
    const char *start = p;
    u64 addr, n;
    if (!parse_pair(&p, &addr, &n) || !parse_char(&p, ':') || n > READ_MAX)
        return -EINVAL;
    if (binary ? parse_binary(p, length - (p - start), bytes, n) != n : !parse_bytes(&p, bytes, n))
        return -EINVAL;
    return memory_write(selected, addr, bytes, n);
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

// "vCont;action[:thread];...": the first action that names a thread, or none and so all, is its
// own. One thread may step; without an action for all, it steps alone. True: the machine goes on.
static bool resume(const char *p, struct plan *plan)
{
    struct task *stepper = NULL;
    bool all = false;
    while (parse_char(&p, ';')) {
        char action = *p++;
        u64 signal;
        if (action == 'C' || action == 'S') // the kernel takes no signals: as without
            parse_hex(&p, &signal);
        struct task *t = NULL;
        bool named = parse_char(&p, ':') && *p != '-';
        if (named)
            t = parse_thread(&p);
        else if (p[-1] == ':')
            parse_thread(&p);
        if (!strchr("cCsS", action) || (named && !t)) {
            reply_result(-EINVAL);
            return false;
        }
        if ((action == 's' || action == 'S') && !stepper)
            stepper = named ? t : thread_on(leader);
        all = all || !named;
    }
    bool done = false;
    int err = 0;
    if (stepper) {
        s32 cpu = thread_cpu(stepper);
        plan->alone = !all;
        err = cpu < 0 ? -EINVAL : kgdb_step_begin(cpu, plan, &done);
    }
    if (err)
        reply_result(err);
    else if (done)
        reply_stop();
    else
        gdb_waits = true;
    return gdb_waits;
}

static __noreturn void kill(void)
{
    reply("OK");
    machine_off(KILL_STATUS);
}

static void leave(void)
{
    kgdb_break_remove_all();
    __atomic_store_n(&attached, false, __ATOMIC_RELAXED);
    gdb_waits = false;
    packet_acks(true);
}

void kgdb_say_goodbye(u32 status)
{
    if (!gdb_waits)
        return;
    gdb_waits = false;
    packet_acks(false); // nobody would read them
    reply_begin();
    reply_add("W%02x", status);
    reply_send();
}

// True: the machine goes on.
static bool obey(size_t length, struct plan *plan)
{
    const char *p = in + 1;
    u64 number;
    switch (in[0]) {
    case '?':
        reply_stop();
        return false;
    case 'g':
        regs_reply_all(selected);
        return false;
    case 'G':
        reply_result(regs_write_all(selected, p));
        return false;
    case 'p':
        regs_reply_one(selected, parse_hex(&p, &number) ? number : ~0ull);
        return false;
    case 'P':
        reply_result(parse_hex(&p, &number) && parse_char(&p, '=')
                         ? regs_write_one(selected, number, p)
                         : -EINVAL);
        return false;
    case 'm':
        read_memory(p);
        return false;
    case 'M':
    case 'X':
        reply_result(write_memory(p, length - 1, in[0] == 'X'));
        return false;
    case 'H':
        select_thread(p);
        return false;
    case 'T':
        reply_result(parse_thread(&p) ? 0 : -ESRCH);
        return false;
    case 'Z':
    case 'z':
        change_break(p, in[0] == 'Z');
        return false;
    case 'q':
    case 'Q':
        query(in);
        return false;
    case 'v':
        if (strcmp(in, "vCont?") == 0)
            reply("vCont;c;C;s;S");
        else if (strstarts(in, "vCont;"))
            return resume(in + strlen("vCont"), plan);
        else if (strstarts(in, "vKill"))
            kill();
        else
            reply("");
        return false;
    case 'c':
        return resume(";c", plan);
    case 's':
        return resume(";s", plan);
    case 'D':
        reply("OK");
        leave();
        return true;
    case 'k':
        machine_off(KILL_STATUS);
    default:
        reply("");
        return false;
    }
}

void kgdb_session(const struct stop *why, struct plan *plan)
{
    size_t length;
    now = why;
    leader = cpu_id();
    selected = thread_on(leader);
    if (gdb_waits)
        reply_stop();
    gdb_waits = false;
    do {
        length = packet_get(in);
        __atomic_store_n(&attached, true, __ATOMIC_RELAXED);
    } while (!obey(length, plan));
}

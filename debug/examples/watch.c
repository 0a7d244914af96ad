// A breakpoint in the kernel, from the request to the callback.
#include "debug/examples/watch.h"
#include "debug/ksym/lookup.h"
#include "hwbp/hwbp.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

#define PRINTED 100u // so many accesses are printed; the breakpoint still counts the later ones
#define DEPTH   4    // so many functions are named for each access

static char name[64]; // of the variable
static u32 seen;      // atomic

// Runs inside the debug exception, in the middle of the code that touched the variable, IRQs off.
// So it takes no lock, does not sleep and touches no user memory. printk may be called here. What
// this function touches hits no breakpoint.
static void on_access(struct perf_event *event, struct trapframe *regs)
{
    char by[200];
    u64 ips[DEPTH];
    struct text t = {by, sizeof(by), 0};
    int depth = backtrace_kernel(regs->rip, regs->rbp, ips, DEPTH);
    if (__atomic_fetch_add(&seen, 1, __ATOMIC_RELAXED) >= PRINTED)
        return;
    for (int i = 0; i < depth; i++)
        text_add(&t, " %s %pS", i ? "<" : "by", (void *)ips[i]);
    printk("watch: %s: %s on cpu %u, task %u (%s)%s\n", name,
           event->attr.bp_type == HW_BREAKPOINT_W ? "write" : "access", cpu_id(),
           current_task()->tid, current_task()->comm, by);
}

// Makes a request of the option's text: "symbol", "symbol:w" or "symbol:rw". False when it is none
// of these, or when there is no such symbol.
static bool understand(struct perf_event_attr *attr)
{
    char *colon = strchr(name, ':');
    u32 size = 0;
    if (colon)
        *colon++ = '\0';
    *attr = (struct perf_event_attr){
        .type = PERF_TYPE_BREAKPOINT,
        .size = sizeof(*attr),
        .pinned = 1, // always in a register: it takes no turns with others
        .bp_type = colon && strcmp(colon, "rw") == 0 ? HW_BREAKPOINT_RW : HW_BREAKPOINT_W,
        .bp_addr = ksym_lookup(name, &size),
    };
    attr->bp_len = ksym_fitting_len(attr->bp_addr, size);
    return attr->bp_addr && (!colon || strcmp(colon, "rw") == 0 || strcmp(colon, "w") == 0);
}

void watch_start(void)
{
    struct perf_event_attr attr;
    if (!cmdline_get("watch", name, sizeof(name)))
        return;
    if (!understand(&attr)) {
        printk("watch: %s: want SYMBOL, SYMBOL:w or SYMBOL:rw\n", name);
        return;
    }
    struct hwbp_wide *wide = hwbp_register_wide(&attr, on_access, NULL);
    if (IS_ERR(wide))
        printk("watch: %s: error %ld\n", name, -PTR_ERR(wide));
    else // it is kept until the machine goes off; hwbp_unregister_wide(wide) would end it
        printk("watch: %s is at 0x%lx, %lu bytes\n", name, attr.bp_addr, attr.bp_len);
}

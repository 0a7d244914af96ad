// The breakpoint API of a kernel built without breakpoints (make HWBP=0), which links this file
// instead of those in hwbp/. Nothing can be made or changed, and so there is nothing to undo.
#include "hwbp/hwbp.h"
#include "hwbp/reserve.h"
#include "kernel/base/errno.h"
#include "kernel/base/upcalls.h"

struct claims claims;

// clang-format off

// ---- the machine comes up, a panic ----

void hwbp_init(void) {}
void hwbp_slots_init(void) {}
void panic_print_breakpoints(void) {}

// ---- what would be made or changed ----

struct hwbp_wide *hwbp_register_wide(const struct perf_event_attr *,
                                     perf_overflow_fn, void *) { return ERR_PTR(-ENODEV); }
int hwbp_modify(struct perf_event *, u64, u32, u64) { return -ENODEV; }
int hwbp_wide_modify(struct hwbp_wide *, u64, u32, u64) { return -ENODEV; }
int hwbp_check(const struct perf_event *, const struct perf_event_attr *) { return -ENODEV; }
void hwbp_apply(struct perf_event *, void *) {}
int hwbp_parse(const struct perf_event_attr *, struct hw_breakpoint *,
               const char **) { return -ENODEV; }
int hwbp_set_rules(const char *) { return -ENODEV; }
int claim_admit(struct bp_claim *, bool) { return -ENODEV; }

// ---- what is made of nothing ----

void hwbp_unregister_wide(struct hwbp_wide *) {}
void hwbp_wide_enable(struct hwbp_wide *) {}
void hwbp_wide_disable(struct hwbp_wide *) {}
struct perf_event *hwbp_wide_event(const struct hwbp_wide *, u32) { return NULL; }
u64 hwbp_wide_count(struct hwbp_wide *) { return 0; }
void claim_release(struct bp_claim *) {}
void claim_drop(struct bp_claim *) {}

// ---- what is to be seen ----

u32 hwbp_live(void) { return 0; }
enum slot_rules hwbp_rules(void) { return SLOTS_2009; }
const char *slots_name(enum slot_rules) { return "off"; }

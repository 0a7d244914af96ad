// What programs see of perf events: Linux's numbers and structures (perf_event_open(2)).
#pragma once

#include "arch/x86/types.h"

#define PERF_TYPE_SOFTWARE   1
#define PERF_TYPE_BREAKPOINT 5

#define PERF_ATTR_SIZE_VER8 136u // up to config3

struct perf_event_attr {
    u32 type;
    u32 size;
    u64 config;
    u64 sample_period; // or sample_freq
    u64 sample_type;
    u64 read_format;
    u64 disabled : 1, inherit : 1, pinned : 1, exclusive : 1, exclude_user : 1, exclude_kernel : 1,
        exclude_hv : 1, exclude_idle : 1, mmap : 1, comm : 1, freq : 1, inherit_stat : 1,
        enable_on_exec : 1, task : 1, watermark : 1, precise_ip : 2, mmap_data : 1,
        sample_id_all : 1, exclude_host : 1, exclude_guest : 1, exclude_callchain_kernel : 1,
        exclude_callchain_user : 1, mmap2 : 1, comm_exec : 1, use_clockid : 1, context_switch : 1,
        write_backward : 1, namespaces : 1, ksymbol : 1, bpf_event : 1, aux_output : 1, cgroup : 1,
        text_poke : 1, build_id : 1, inherit_thread : 1, remove_on_exec : 1, sigtrap : 1,
        reserved_flags : 26;
    u32 wakeup_events; // or wakeup_watermark
    u32 bp_type;
    u64 bp_addr;
    u64 bp_len;
    u64 branch_sample_type;
    u64 sample_regs_user;
    u32 sample_stack_user;
    s32 clockid;
    u64 sample_regs_intr;
    u32 aux_watermark;
    u16 sample_max_stack;
    u16 reserved_2;
    u32 aux_sample_size;
    u32 reserved_3;
    u64 sig_data;
    u64 config3;
};
_Static_assert(sizeof(struct perf_event_attr) == PERF_ATTR_SIZE_VER8, "attr is the ABI's");

// bp_type (linux/hw_breakpoint.h)
enum {
    HW_BREAKPOINT_EMPTY = 0,
    HW_BREAKPOINT_R = 1,
    HW_BREAKPOINT_W = 2,
    HW_BREAKPOINT_RW = 3,
    HW_BREAKPOINT_X = 4,
    HW_BREAKPOINT_INVALID = HW_BREAKPOINT_RW | HW_BREAKPOINT_X
};

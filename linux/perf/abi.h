// The part of perf's interface that programs see, besides the attr: Linux's numbers and structures
// (perf_event_open(2)).
#pragma once

#include "perf/abi.h"

// config of software events
enum {
    PERF_COUNT_SW_CPU_CLOCK = 0,
    PERF_COUNT_SW_TASK_CLOCK = 1,
    PERF_COUNT_SW_PAGE_FAULTS = 2,
    PERF_COUNT_SW_CONTEXT_SWITCHES = 3,
    PERF_COUNT_SW_CPU_MIGRATIONS = 4,
    PERF_COUNT_SW_PAGE_FAULTS_MIN = 5,
    PERF_COUNT_SW_PAGE_FAULTS_MAJ = 6,
    PERF_COUNT_SW_ALIGNMENT_FAULTS = 7,
    PERF_COUNT_SW_EMULATION_FAULTS = 8,
    PERF_COUNT_SW_DUMMY = 9,
    PERF_COUNT_SW_BPF_OUTPUT = 10,
    PERF_COUNT_SW_CGROUP_SWITCHES = 11,
    PERF_COUNT_SW_NR = 12,
};

// read_format
#define PERF_FORMAT_TOTAL_TIME_ENABLED 1u
#define PERF_FORMAT_TOTAL_TIME_RUNNING 2u
#define PERF_FORMAT_ID                 4u
#define PERF_FORMAT_GROUP              8u
#define PERF_FORMAT_LOST               16u

// flags of perf_event_open
#define PERF_FLAG_FD_NO_GROUP 1u
#define PERF_FLAG_FD_OUTPUT   2u
#define PERF_FLAG_PID_CGROUP  4u
#define PERF_FLAG_FD_CLOEXEC  8u

#define PERF_EVENT_IOC_ENABLE            0x2400u
#define PERF_EVENT_IOC_DISABLE           0x2401u
#define PERF_EVENT_IOC_REFRESH           0x2402u
#define PERF_EVENT_IOC_RESET             0x2403u
#define PERF_EVENT_IOC_PERIOD            0x40082404u
#define PERF_EVENT_IOC_SET_OUTPUT        0x2405u
#define PERF_EVENT_IOC_SET_FILTER        0x40082406u
#define PERF_EVENT_IOC_ID                0x80082407u
#define PERF_EVENT_IOC_SET_BPF           0x40042408u
#define PERF_EVENT_IOC_PAUSE_OUTPUT      0x40042409u
#define PERF_EVENT_IOC_QUERY_BPF         0xc008240au
#define PERF_EVENT_IOC_MODIFY_ATTRIBUTES 0x4008240bu
#define PERF_IOC_FLAG_GROUP              1u

// sample_type, in the order of the bits
#define PERF_SAMPLE_IP             BIT(0)
#define PERF_SAMPLE_TID            BIT(1)
#define PERF_SAMPLE_TIME           BIT(2)
#define PERF_SAMPLE_ADDR           BIT(3)
#define PERF_SAMPLE_READ           BIT(4)
#define PERF_SAMPLE_CALLCHAIN      BIT(5)
#define PERF_SAMPLE_ID             BIT(6)
#define PERF_SAMPLE_CPU            BIT(7)
#define PERF_SAMPLE_PERIOD         BIT(8)
#define PERF_SAMPLE_STREAM_ID      BIT(9)
#define PERF_SAMPLE_RAW            BIT(10)
#define PERF_SAMPLE_BRANCH_STACK   BIT(11)
#define PERF_SAMPLE_REGS_USER      BIT(12)
#define PERF_SAMPLE_STACK_USER     BIT(13)
#define PERF_SAMPLE_WEIGHT         BIT(14)
#define PERF_SAMPLE_DATA_SRC       BIT(15)
#define PERF_SAMPLE_IDENTIFIER     BIT(16)
#define PERF_SAMPLE_TRANSACTION    BIT(17)
#define PERF_SAMPLE_REGS_INTR      BIT(18)
#define PERF_SAMPLE_PHYS_ADDR      BIT(19)
#define PERF_SAMPLE_AUX            BIT(20)
#define PERF_SAMPLE_CGROUP         BIT(21)
#define PERF_SAMPLE_DATA_PAGE_SIZE BIT(22)
#define PERF_SAMPLE_CODE_PAGE_SIZE BIT(23)
#define PERF_SAMPLE_WEIGHT_STRUCT  BIT(24)
#define PERF_SAMPLE_WEIGHTS        (PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT)
#define PERF_SAMPLE_BRANCH_MAX     BIT(20)
#define PERF_SAMPLE_BRANCH_PLM_ALL 7u

#define PERF_SAMPLE_REGS_ABI_NONE 0u
#define PERF_SAMPLE_REGS_ABI_64   2u
#define PERF_MEM_NA               0x1e05080021ull // DATA_SRC: nothing is known

// Types of records, and the bits of `misc`
enum {
    PERF_RECORD_MMAP = 1,
    PERF_RECORD_LOST = 2,
    PERF_RECORD_COMM = 3,
    PERF_RECORD_EXIT = 4,
    PERF_RECORD_THROTTLE = 5,
    PERF_RECORD_UNTHROTTLE = 6,
    PERF_RECORD_FORK = 7,
    PERF_RECORD_READ = 8,
    PERF_RECORD_SAMPLE = 9,
    PERF_RECORD_MMAP2 = 10,
    PERF_RECORD_SWITCH = 14,
    PERF_RECORD_SWITCH_CPU_WIDE = 15,
};
#define PERF_MISC_KERNEL         1u
#define PERF_MISC_USER           2u
#define PERF_MISC_MMAP_DATA      BIT(13)
#define PERF_MISC_COMM_EXEC      BIT(13)
#define PERF_MISC_SWITCH_OUT     BIT(13)
#define PERF_MISC_SWITCH_PREEMPT BIT(14)

// In a call chain such a word gives the kind of the addresses after it.
#define PERF_CONTEXT_KERNEL (~0ull - 127)
#define PERF_CONTEXT_USER   (~0ull - 511)
#define PERF_MAX_STACK      127u

struct perf_record_header {
    u32 type;
    u16 misc, size;
};

// The first page of a mapped buffer.
struct perf_mmap_page {
    u32 version, compat_version;
    u32 lock; // odd while the fields below change
    u32 index;
    s64 offset;
    u64 time_enabled, time_running;
    u64 capabilities;
    u16 pmc_width, time_shift;
    u32 time_mult;
    u64 time_offset, time_zero;
    u32 size; // bytes of the fields in front of `reserved`
    u32 reserved_1;
    u64 time_cycles, time_mask;
    u8 reserved[928];
    u64 data_head, data_tail; // they only grow. The kernel writes data_head, the program data_tail
    u64 data_offset, data_size;
};
_Static_assert(offsetof(struct perf_mmap_page, data_head) == 1024, "the page is the ABI's");
#define PERF_CAP_BIT0_IS_DEPRECATED BIT(1)

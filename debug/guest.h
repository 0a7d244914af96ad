// /dev/guest: small virtual machines for programs. Each open file is a guest (arch/x86/svm/svm.h).
// Its bytes are the guest's memory.
//
//   open           a new guest with zeroed memory; -ENODEV when guests cannot run here
//   read, write    its memory, also while it runs; a write past the end: -ENOSPC
//   ioctl GUEST_RUN, struct guest_state *
//                  runs the guest until it stops. 0: it called the host by VMMCALL. -EIO: it did
//                  what a guest may not do, and cannot run any more. Both fill in the state.
//                  -EBUSY: another task runs it. -EINTR or a restart of the call: a signal came;
//                  the next GUEST_RUN goes on.
#pragma once

#include "arch/x86/svm/svm.h"

struct guest_state {
    struct svm_state cpu;
    u64 entries;    // how often the CPU has entered the guest so far
    u64 interrupts; // how many of these entries ended by an interrupt of the host
    u64 owns_dr;    // 1: it has used a debug register
};

#define GUEST_RUN 0x80584701u // _IOR('G', 1, struct guest_state)

// Makes the device. After fs_init(), when all CPUs have started. Boot CPU, once.
void guest_init(void);

// /dev/guest: small virtual machines for programs. Each open file is a guest (arch/x86/svm/svm.h);
// its bytes are the guest's memory.
//
//   open           a new guest with zeroed memory; -ENODEV when guests cannot run here
//   read, write    its memory, also while it runs; a write past the end: -ENOSPC
//   ioctl GUEST_RUN, struct guest_state *
//                  runs it until it stops. 0: it called the host by VMMCALL; -EIO: it did what it
//                  may not do and cannot run any more; both fill in the state. -EBUSY: it runs
//                  already; -EINTR or a restart: a signal came, and the next GUEST_RUN goes on.
#pragma once

#include "arch/x86/svm/svm.h"

struct guest_state {
    struct svm_state cpu;
    u64 entries;    // so far
    u64 interrupts; // of them, ended by an interrupt of the host
    u64 owns_dr;    // 1: it has used a debug register
};

#define GUEST_RUN 0x80584701u // _IOR('G', 1, struct guest_state)

// After fs_init(), all CPUs started.
void guest_init(void);

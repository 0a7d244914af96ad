// Guests for programs: /dev/guest (docs/svm.md).
#pragma once

#include <stdint.h>
#include <sys/ioctl.h>

#define GUEST_FILE "/dev/guest"

// The result of GUEST_RUN: the registers at VMMCALL or at the guest's end, the reason (exit codes
// of AMD's APM), and counts. EIO is the guest's end; debug/guest.h has all errors.
struct guest_state {
    uint64_t rax, rdi, rip;
    uint64_t exit_code, exit_info1, exit_info2;
    uint64_t dr6, dr7;
    uint64_t entries, interrupts, owns_dr;
};
#define GUEST_RUN _IOR('G', 1, struct guest_state)

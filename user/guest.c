// Runs a virtual machine that watches itself with its own debug registers, and prints its counts.
// Status: 0 all counts are right; 1 they are not, or the guest died; 2 usage; 77 no guest can run
// here.
#include "user/guest.h"
#include "user/guest_image.h"
#include "user/help.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

HELP("guest [ROUNDS]: a virtual machine with its own debug registers");

#define DEFAULT_ROUNDS 1000
#define CANNOT_RUN     77

static const char *const watched[GUEST_BREAKPOINTS] = {
    "8 bytes, writes",
    "4 bytes, writes",
    "1 byte, reads and writes",
    "a function's start",
};

static int no_guest(void)
{
    if (errno == ENODEV)
        printf("guest: no guest can run here: the CPU has no SVM, or the firmware keeps it off\n");
    else
        printf("guest: " GUEST_FILE ": %s\n", strerror(errno));
    return CANNOT_RUN;
}

// Puts the guest's code and its number of rounds into its memory.
static int load(int fd, uint64_t rounds)
{
    size_t size = (size_t)(guest_image_end - guest_image);

    if (pwrite(fd, guest_image, size, 0) == (ssize_t)size &&
        pwrite(fd, &rounds, sizeof rounds, GUEST_DATA) == sizeof rounds)
        return 0;
    perror("guest: loading");
    return -1;
}

int main(int argc, char **argv)
{
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_ROUNDS;
    struct guest_state s;
    int n = 0, wrong = 0;

    help_if_asked(argc, argv);
    if (argc > 2 || rounds == 0)
        return help_wrong();
    int fd = open(GUEST_FILE, O_RDWR);
    if (fd < 0)
        return no_guest();
    if (load(fd, rounds) != 0)
        return 1;
    printf("what the guest watched     its accesses   its #DBs\n");
    while (ioctl(fd, GUEST_RUN, &s) == 0 && s.rax == GUEST_REPORT && n < GUEST_BREAKPOINTS) {
        unsigned long long made = rounds * (unsigned)guest_hits_per_round[n], seen = s.rdi;
        printf("%-24s %14llu %10llu\n", watched[n], made, seen);
        wrong |= made != seen;
        n++;
    }
    if (s.rax != GUEST_EXIT || n != GUEST_BREAKPOINTS) {
        printf("guest: it died at 0x%llx: exit code 0x%llx, 0x%llx 0x%llx\n",
               (unsigned long long)s.rip, (unsigned long long)s.exit_code,
               (unsigned long long)s.exit_info1, (unsigned long long)s.exit_info2);
        return 1;
    }
    printf("It was entered %llu times; %llu times an interrupt of the host's had ended it.\n",
           (unsigned long long)s.entries, (unsigned long long)s.interrupts);
    return wrong || s.rdi != 0;
}

// kgdb: stops the machine for gdb, as "echo g >/proc/sysrq-trigger" does, on Linux too.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIGGER "/proc/sysrq-trigger"

int main(void)
{
    int fd = open(TRIGGER, O_WRONLY);

    if (fd < 0 || write(fd, "g", 1) != 1) {
        fprintf(stderr, "kgdb: %s\n",
                errno == ENODEV ? "not on: boot with \"kgdb\" or \"kgdbwait\"" : strerror(errno));
        return 1;
    }
    close(fd);
    return 0;
}

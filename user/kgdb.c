// Does the same as "echo g >/proc/sysrq-trigger", on Linux too.
#include "user/help.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

HELP("kgdb: stops the machine for gdb");

#define TRIGGER "/proc/sysrq-trigger"

int main(int argc, char **argv)
{
    help_if_asked(argc, argv);
    int fd = open(TRIGGER, O_WRONLY);

    if (fd < 0 || write(fd, "g", 1) != 1) {
        fprintf(stderr, "kgdb: %s\n",
                errno == ENODEV ? "not on: boot with \"kgdb\" or \"kgdbwait\"" : strerror(errno));
        return 1;
    }
    close(fd);
    return 0;
}

// slots [2009|exact|mainline]: shows or sets the rule that decides which breakpoint may exist.
#include "user/proc.h"
#include <errno.h>

static int fail(const char *what)
{
    const char *why = errno == EBUSY ? "breakpoints exist now" : strerror(errno);

    fprintf(stderr, "slots: %s: %s\n", what, why);
    return 1;
}

int main(int argc, char **argv)
{
    char buf[64];

    if (argc > 2) {
        fprintf(stderr, "usage: slots [2009|exact|mainline]\n");
        return 2;
    }
    if (argc == 2)
        return write_text(RULES_FILE, argv[1]) != 0 ? fail(argv[1]) : 0;
    if (read_text(RULES_FILE, buf, sizeof buf) < 0)
        return fail(RULES_FILE);
    fputs(buf, stdout);
    return 0;
}

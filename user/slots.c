#include "user/help.h"
#include "user/proc.h"
#include <errno.h>

HELP("slots [2009|exact|mainline]: the rules that admit breakpoints");

static int fail(const char *what)
{
    const char *why = errno == EBUSY    ? "breakpoints exist now"
                      : errno == EINVAL ? "the rule sets are 2009, exact and mainline"
                                        : strerror(errno);

    fprintf(stderr, "slots: %s: %s\n", what, why);
    return 1;
}

int main(int argc, char **argv)
{
    char buf[64];

    help_if_asked(argc, argv);
    if (argc > 2)
        return help_wrong();
    if (argc == 2)
        return write_text(RULES_FILE, argv[1]) != 0 ? fail(argv[1]) : 0;
    if (read_text(RULES_FILE, buf, sizeof buf) < 0)
        return fail(RULES_FILE);
    fputs(buf, stdout);
    return 0;
}

#include "user/help.h"
#include <time.h>

HELP("sleep SECONDS: waits; a fraction is allowed");

int main(int argc, char **argv)
{
    char *end;
    double seconds = argc == 2 ? strtod(argv[1], &end) : -1;

    help_if_asked(argc, argv);
    if (seconds < 0 || seconds > 1e9 || *end != '\0' || end == argv[1])
        return help_wrong();
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0)
        continue; // after a signal: sleep for the rest
    return 0;
}

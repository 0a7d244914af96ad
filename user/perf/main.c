#include "user/help.h"
#include "user/perf/perf.h"

HELP("perf stat|record|script ...: breakpoints counted and recorded\n"
     "perf stat [-e EVENTS]... PROGRAM [ARGUMENT...]\n"
     "perf record [-e EVENTS]... [-c PERIOD] [-g] [-m PAGES] [-o FILE] PROGRAM ...\n"
     "perf script [-i FILE] [-s ROOT]\n"
     "EVENTS, with commas: mem:ADDR[/LEN][:TYPE[:MODIFIERS]], page-faults ...");

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"stat", cmd_stat},
    {"record", cmd_record},
    {"script", cmd_script},
};
#define NR_COMMANDS (sizeof commands / sizeof *commands)

int main(int argc, char **argv)
{
    help_if_asked(argc, argv);
    for (size_t i = 0; argc > 1 && i < NR_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = commands[i].run(argc - 1, argv + 1);
            if (status != USAGE)
                return status;
        }
    }
    return help_wrong();
}

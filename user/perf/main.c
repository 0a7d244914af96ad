// perf COMMAND: see docs/perf-tool.md.
#include "user/perf/perf.h"

static const struct {
    const char *name, *arguments;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"stat", "[-e EVENTS]... PROGRAM [ARGUMENT]...", cmd_stat},
    {"record", "[-e EVENTS]... [-c PERIOD] [-g] [-m PAGES] [-o FILE] PROGRAM [ARGUMENT]...",
     cmd_record},
    {"script", "[-i FILE] [-s ROOT]", cmd_script},
};
#define NR_COMMANDS (sizeof commands / sizeof *commands)

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < NR_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            int status = commands[i].run(argc - 1, argv + 1);
            if (status != USAGE)
                return status;
        }
    }
    for (size_t i = 0; i < NR_COMMANDS; i++)
        fprintf(stderr, "usage: perf %s %s\n", commands[i].name, commands[i].arguments);
    fprintf(stderr, "EVENTS, with commas: mem:ADDR[/LEN][:TYPE[:MODIFIERS]], page-faults ...\n");
    return 2;
}

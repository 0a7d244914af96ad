// /proc/hwbp, read for humans.
#include "user/help.h"
#include <errno.h>

HELP("hwbp: what sits in the debug registers of every CPU now");

#define REGISTERS 4

// The rest of "reg CPU N REST": "-" or "task=12 comm=demo addr=0x404100 len=8 type=w pinned
// hits=42 share=1000"; "wait CPU REST" has the same.
static void show_event(int cpu, const char *where, char *rest)
{
    char *save;

    printf("%3d %s", cpu, where);
    for (char *word = strtok_r(rest, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
        printf("  %s", word);
    printf("\n");
}

int main(int argc, char **argv)
{
    char line[256];
    FILE *f = fopen("/proc/hwbp", "r");

    help_if_asked(argc, argv);
    if (!f) {
        fprintf(stderr, "hwbp: /proc/hwbp: %s\n", strerror(errno));
        return 1;
    }
    printf("CPU REG  what it watches\n");
    while (fgets(line, sizeof line, f)) {
        int cpu, n, at;
        char name[] = "DR0";
        if (sscanf(line, "reg %d %d %n", &cpu, &n, &at) == 2 && n < REGISTERS) {
            name[2] += (char)n;
            show_event(cpu, name, line + at);
        } else if (sscanf(line, "wait %d %n", &cpu, &at) == 1) {
            show_event(cpu, " - ", line + at);
        } else {
            fputs(line, stdout);
        }
    }
    fclose(f);
    return 0;
}

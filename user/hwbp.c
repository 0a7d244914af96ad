// hwbp: what sits in the debug registers of every CPU now, with the counters beside it: /proc/hwbp,
// read for humans.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REGISTERS 4

// The rest of "reg CPU N REST": "-" or "task=12 comm=demo addr=0x404100 len=8 type=w pinned
// hits=42".
static void show_register(int cpu, int n, char *rest)
{
    char *save;

    printf("%3d DR%d", cpu, n);
    for (char *word = strtok_r(rest, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
        printf("  %s", word);
    printf("\n");
}

int main(void)
{
    char line[256];
    FILE *f = fopen("/proc/hwbp", "r");

    if (!f) {
        fprintf(stderr, "hwbp: /proc/hwbp: %s\n", strerror(errno));
        return 1;
    }
    printf("CPU REG  what it watches\n");
    while (fgets(line, sizeof line, f)) {
        int cpu, n, at;
        if (sscanf(line, "reg %d %d %n", &cpu, &n, &at) == 2 && n < REGISTERS)
            show_register(cpu, n, line + at);
        else
            fputs(line, stdout);
    }
    fclose(f);
    return 0;
}

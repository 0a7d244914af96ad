// /proc/hwbp, read for humans.
#include "user/help.h"
#include <errno.h>

HELP("hwbp: the debug registers of every CPU now");

#define REGISTERS 4
#define WIDTH     79 // of a terminal, without the last column, which may wrap

// Prints words after `used` columns of a line, on as many lines as they need.
static void show_words(int used, char *words)
{
    char *save;

    for (char *word = strtok_r(words, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
        if (used && used + 1 + (int)strlen(word) > WIDTH)
            used = printf("\n       ") - 1;
        used += printf("%s%s", used ? " " : "", word);
    }
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
            show_words(printf("%3d %s", cpu, name), line + at);
        } else if (sscanf(line, "wait %d %n", &cpu, &at) == 1) {
            show_words(printf("%3d  - ", cpu), line + at);
        } else {
            show_words(0, line);
        }
    }
    fclose(f);
    return 0;
}

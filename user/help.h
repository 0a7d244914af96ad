// The help text of a program. HELP() defines it once, for the program's own -h and for the list
// that `help` prints (the Makefile gathers the first lines into /etc/help).
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char help_text[];
// "name ARGUMENTS: what it does", and further lines of the same kind. Once in a program.
#define HELP(text) const char help_text[] = text

// Prints the text and exits if the first argument is -h.
static inline void help_if_asked(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "-h") != 0)
        return;
    printf("%s\n", help_text);
    exit(0);
}

// Prints the usage. Returns the exit status of a wrong call.
static inline int help_wrong(void)
{
    fprintf(stderr, "usage: %s\n", help_text);
    return 2;
}

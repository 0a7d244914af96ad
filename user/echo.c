// echo [-n] [WORD...]: its arguments, separated by blanks.
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    int first = 1;
    int newline = 1;

    if (argc > 1 && strcmp(argv[1], "-n") == 0) {
        newline = 0;
        first = 2;
    }
    setvbuf(stdout, NULL, _IOFBF, BUFSIZ); // one write, because files in /proc need whole lines
    for (int i = first; i < argc; i++)
        printf("%s%s", i > first ? " " : "", argv[i]);
    if (newline)
        putchar('\n');
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("echo");
        return 1;
    }
    return 0;
}

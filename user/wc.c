#include "user/help.h"
#include <ctype.h>

HELP("wc: counts lines, words and bytes of the input");

int main(int argc, char **argv)
{
    long lines = 0, words = 0, bytes = 0;
    int in_word = 0;

    help_if_asked(argc, argv);
    for (int c; (c = getchar()) != EOF; bytes++) {
        lines += c == '\n';
        if (isspace(c)) {
            in_word = 0;
        } else if (!in_word) {
            in_word = 1;
            words++;
        }
    }
    printf("%7ld %7ld %7ld\n", lines, words, bytes);
    return 0;
}

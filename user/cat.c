#include "user/help.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

HELP("cat [FILE...]: prints files, or the input");

static int copy(int fd, const char *name)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(fd, buf, sizeof buf)) > 0) {
        for (ssize_t done = 0, w; done < n; done += w) {
            w = write(STDOUT_FILENO, buf + done, (size_t)(n - done));
            if (w < 0) {
                fprintf(stderr, "cat: write: %s\n", strerror(errno));
                return 1;
            }
        }
    }
    if (n < 0) {
        fprintf(stderr, "cat: %s: %s\n", name, strerror(errno));
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    help_if_asked(argc, argv);
    if (argc == 1)
        return copy(STDIN_FILENO, "standard input");
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY);
        if (fd < 0) {
            fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
            failed = 1;
            continue;
        }
        failed |= copy(fd, argv[i]);
        close(fd);
    }
    return failed;
}

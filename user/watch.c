// watch SYMBOL[:w|:rw|:x] [COMMAND...]: watches a kernel symbol on all CPUs while the command
// runs, then says who touched it.
#include "user/proc.h"
#include <errno.h>
#include <sys/wait.h>

static int set_watch(const char *symbol)
{
    int err = write_text(WATCH_FILE, symbol);

    if (err != 0)
        fprintf(stderr, "watch: %s: %s: %s\n", WATCH_FILE, symbol, strerror(errno));
    return err;
}

static int show(void)
{
    char text[8192];

    if (read_text(WATCH_FILE, text, sizeof text) < 0) {
        perror("watch: " WATCH_FILE);
        return -1;
    }
    fputs(text, stdout);
    return 0;
}

static int run(char **argv)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], argv);
        fprintf(stderr, "watch: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        fprintf(stderr, "watch: %s\n", strerror(errno));
        return -1;
    }
    return status;
}

int main(int argc, char **argv)
{
    int failed;

    if (argc < 2) {
        fprintf(stderr, "usage: watch SYMBOL [COMMAND...]   (e.g. watch next_tid true)\n");
        return 2;
    }
    if (set_watch(argv[1]) != 0)
        return 1;
    failed = argc > 2 && run(argv + 2) != 0;
    failed |= show() != 0;
    failed |= set_watch("\n") != 0;
    return failed;
}

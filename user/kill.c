#include "user/help.h"
#include <errno.h>
#include <signal.h>

HELP("kill [-SIGNAL] PID...: sends a signal, by default SIGTERM");

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"TRAP", SIGTRAP},
    {"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"TERM", SIGTERM}, {"CONT", SIGCONT}, {"STOP", SIGSTOP},
};

static int signal_number(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (end != text && *end == '\0' && n >= 0 && n <= 64)
        return (int)n;
    if (strncmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (strcmp(signals[i].name, text) == 0)
            return signals[i].number;
    return -1;
}

int main(int argc, char **argv)
{
    int first = 1;
    int sig = SIGTERM;
    int failed = 0;

    help_if_asked(argc, argv);
    if (argc > 1 && argv[1][0] == '-') {
        sig = signal_number(argv[1] + 1);
        first = 2;
    }
    if (sig < 0 || first >= argc)
        return help_wrong();
    for (int i = first; i < argc; i++) {
        char *end;
        long pid = strtol(argv[i], &end, 10);
        if (end == argv[i] || *end != '\0') {
            fprintf(stderr, "kill: %s: not a process number\n", argv[i]);
            failed = 1;
        } else if (kill((pid_t)pid, sig) != 0) {
            fprintf(stderr, "kill: %ld: %s\n", pid, strerror(errno));
            failed = 1;
        }
    }
    return failed;
}

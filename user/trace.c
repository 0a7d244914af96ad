// The kernel's symbol tracer, for humans.
#include "user/help.h"
#include "user/run.h"
#include "user/trace.h"

HELP("trace SYMBOL... -- COMMAND: writes to kernel variables while it runs\n"
     "trace SYMBOL...: from now on, until `trace -c`\n"
     "trace: the accesses so far\n"
     "trace -b ...: with a backtrace of each access\n"
     "trace -c: ends the trace\n"
     "After a SYMBOL may follow +OFFSET, /LENGTH and :rw (also reads).");

static char text[1 << 20];
static int callers;

static int complain(const char *what)
{
    fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
    return 1;
}

// "symbol" or "symbol:w" traces writes, "symbol:rw" also reads. Returns 0, or -1 and errno.
static int set_filter(const char *word)
{
    char request[256];
    int name = (int)strcspn(word, ":");

    snprintf(request, sizeof request, "%.*s:%s", name, word,
             strcmp(word + name, ":rw") == 0                        ? "rw-"
             : strcmp(word + name, ":w") == 0 || word[name] == '\0' ? "-w-"
                                                                    : word + name);
    return write_text(KSYM_FILTER_FILE, request);
}

static int show(void)
{
    unsigned long lost = 0;
    const char *at;

    if (read_text(KSYM_STAT_FILE, text, sizeof text) < 0)
        return complain(KSYM_STAT_FILE);
    printf("%s\n", text);
    if (read_text(KSYM_TRACE_FILE, text, sizeof text) < 0)
        return complain(KSYM_TRACE_FILE);
    if (print_trace(text, callers) == 0)
        printf("no access\n");
    if ((at = strstr(text, "# lost: ")) && sscanf(at, "# lost: %lu", &lost) == 1 && lost)
        printf("%lu older accesses were overwritten\n", lost);
    return 0;
}

static int clear(void)
{
    if (write_text(KSYM_FILTER_FILE, "0") != 0 || write_text(KSYM_TRACE_FILE, "0") != 0)
        return complain(TRACING_DIR);
    return 0;
}

int main(int argc, char **argv)
{
    int i, status;

    help_if_asked(argc, argv);
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        callers = 1;
        argc--, argv++;
    }
    if (argc == 1)
        return show();
    if (strcmp(argv[1], "-c") == 0)
        return clear();
    if (clear() != 0)
        return 1;
    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (set_filter(argv[i]) != 0) {
            fprintf(stderr, "trace: %s: %s\n", argv[i],
                    errno == ENOENT ? "no such kernel symbol" : strerror(errno));
            clear();
            return 1;
        }
    if (i + 1 >= argc)
        return 0;
    status = run_command("trace", argv + i + 1);
    return show() | clear() ? 1 : status;
}

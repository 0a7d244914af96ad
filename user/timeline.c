// Runs a command while the kernel's trace is on, and writes the trace to a file. `make timeline`
// makes pictures of it.
#include "user/help.h"
#include "user/proc.h"
#include "user/run.h"

HELP("timeline FILE COMMAND...: writes the kernel's trace of a command to a file");

#define TRACING "/sys/kernel/debug/tracing/"
#define KIB     "4096" // of each CPU's ring

static char chunk[1 << 16];

static int complain(const char *what)
{
    fprintf(stderr, "timeline: %s: %s\n", what, strerror(errno));
    return 1;
}

static int copy(const char *from, int out)
{
    int in = open(from, O_RDONLY);
    ssize_t n = -1;

    while (in >= 0 && (n = read(in, chunk, sizeof chunk)) > 0)
        if (write(out, chunk, (size_t)n) != n)
            return -1;
    close(in);
    return n == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    help_if_asked(argc, argv);
    if (argc < 3)
        return help_wrong();
    int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (out < 0)
        return complain(argv[1]);
    if (write_text(TRACING "tracing_on", "0") != 0 ||
        write_text(TRACING "buffer_size_kb", KIB) != 0 ||
        write_text(TRACING "tracing_on", "1") != 0)
        return complain(TRACING);
    int status = run_command("timeline", argv + 2);
    write_text(TRACING "tracing_on", "0");
    if (copy(TRACING "trace_pipe", out) != 0 || write(out, "lost: ", 6) != 6 ||
        copy(TRACING "trace_lost", out) != 0)
        return complain(argv[1]);
    close(out);
    write_text(TRACING "buffer_size_kb", "0");
    return status;
}

// The runner, the machine's first program. After each round it checks that all is back. It reports
// to /dev/host, in lines:
//
//     round N             begins
//     fault N WHAT        something is not back, or a process cannot be ended
//     end ROUNDS CALLS    all is done
//
//   fuzz seed=N [first=ROUND] [rounds=N] [secs=N] [repeat=N]
//   fuzz list seed=N first=ROUND          prints the calls of a round
//
// The file /kept, if there is one, has the streams and indices of the only calls to make.
#define _GNU_SOURCE
#include "test/fuzz/fuzz.h"
#include "user/clock.h"
#include "user/proc.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/ptrace.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define ROUND_MS 500   // then all processes are killed,
#define QUIET_MS 25    // or earlier, after this time without a call,
#define KILL_MS  30000 // and must be gone
#define BATCH    32    // rounds between two checks of memory
#define REPEATS  12    // of rounds after which memory is missing: a real leak repeats

struct shared *shared;

static struct options {
    uint64_t seed, first, rounds, secs, repeat;
} options = {.rounds = ~0ul, .secs = 60, .repeat = 1};

static int host_fd;

__attribute__((format(printf, 1, 2))) static void report(const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (write(host_fd, line, (size_t)n) != n)
        _exit(1);
}

static void read_kept(void)
{
    static char text[32768];
    unsigned long stream, index;
    int used;

    if (read_text("/kept", text, sizeof text) < 0)
        return;
    for (const char *at = text; shared->nr_kept < MAX_KEPT; at += used) {
        if (sscanf(at, "%lu %lu%n", &stream, &index, &used) != 2)
            break;
        shared->kept[shared->nr_kept++] = (struct kept){stream, index};
    }
}

static void share(int fd)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        _exit(1);
}

static void prepare(void)
{
    int fd = open("/tmp/shared", O_RDWR | O_CREAT, 0600);

    host_fd = open("/dev/host", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || host_fd < 0 || ftruncate(fd, sizeof *shared) || dup2(fd, SHARED_FD) < 0)
        _exit(1);
    close(fd);
    unlink("/tmp/shared");
    share(SHARED_FD);
    shared->runner = getpid();
    read_kept();
    fd = open("/proc/sys/kernel/fail_nth", O_WRONLY);
    if (fd >= 0) {
        dup2(fd, FAIL_FD);
        close(fd);
    }
    for (int sig = 1; sig < 64; sig++) // events and orphans may send signals to the runner
        if (sig != SIGCHLD)
            signal(sig, SIG_IGN);
}

// Waits until no child is left, or until nothing happens any more, but not longer than this. True
// if no child is left. A child that has stopped goes on, also if it asked to be traced by its
// parent.
static bool wait_for_all(uint64_t ms, uint64_t quiet_ms)
{
    uint64_t start = now_ns(), changed = start, seen = 0, now;
    int status;

    while ((now = now_ns()) - start < ms * 1000000 && now - changed < quiet_ms * 1000000) {
        pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL);
        if (pid < 0 && errno == ECHILD)
            return true;
        if (pid > 0 && WIFSTOPPED(status)) {
            ptrace(PTRACE_CONT, pid, NULL, NULL);
            kill(pid, SIGCONT);
        }
        if (pid <= 0)
            sleep_ms(1);
        if (shared->calls != seen)
            seen = shared->calls, changed = now;
    }
    return false;
}

// Plays one round. Returns what is missing afterwards, or NULL.
static const char *play(uint64_t round)
{
    static char text[512];

    shared->round_seed = round_seed(options.seed, round);
    for (int number = 0; number < VICTIMS; number++)
        if (fork() == 0)
            victim(number);
    bool gone = wait_for_all(ROUND_MS, QUIET_MS);
    kill(-1, SIGKILL); // orphans too
    if (!gone && !wait_for_all(KILL_MS, KILL_MS)) {
        snprintf(text, sizeof text, "not ended by SIGKILL:%s", who_is_left());
        return text;
    }
    clean_up();
    return check_end(false);
}

// Plays some rounds, as long as there is time. If memory is missing afterwards, it plays them
// again. Returns the number of rounds.
static uint64_t play_batch(uint64_t first, uint64_t count, uint64_t end)
{
    const char *wrong = NULL;
    uint64_t done = 0;

    for (int i = 0; i < REPEATS; i++) {
        check_begin();
        for (done = 0; done < count && !wrong && now_ns() < end; done++) {
            report("round %lu\n", (unsigned long)(first + done));
            wrong = play(first + done);
        }
        if (wrong)
            break;
        wrong = check_end(true);
        if (!wrong)
            return done;
        if (now_ns() >= end) // not seen often enough to be sure
            return done;
        if (i < REPEATS - 1)
            wrong = NULL;
    }
    report("fault %lu %s\n", (unsigned long)(first + done - 1), wrong);
    return done;
}

static void set_option(const char *word)
{
    static const struct {
        const char *name;
        uint64_t *to;
    } names[] = {{"seed=", &options.seed},
                 {"first=", &options.first},
                 {"rounds=", &options.rounds},
                 {"secs=", &options.secs},
                 {"repeat=", &options.repeat}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(word, names[i].name, strlen(names[i].name)) == 0)
            *names[i].to = strtoull(word + strlen(names[i].name), NULL, 0);
}

int main(int argc, char **argv)
{
    uint64_t round = 0;

    if (argc == 3 && !strcmp(argv[1], "stream")) {
        share(SHARED_FD);
        victim_after_exec(strtoull(argv[2], NULL, 16));
    }
    for (int i = 1; i < argc; i++)
        set_option(argv[i]);
    if (argc > 1 && !strcmp(argv[1], "list")) {
        stream_print(options.seed, options.first);
        return 0;
    }
    prepare();
    uint64_t end = now_ns() + options.secs * 1000000000;
    for (uint64_t i = 0; i < options.repeat; i++)
        for (round = 0; round < options.rounds && now_ns() < end;)
            round += play_batch(options.first + round, MIN(BATCH, options.rounds - round), end);
    report("end %lu %lu\n", (unsigned long)round, (unsigned long)shared->calls);
    return 0;
}

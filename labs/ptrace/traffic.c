// A tracer that plays a script on the debug registers of its child, and prints every answer; works
// on Linux, too. A line of the script is a scene: it has a child of its own. The words:
//
//   3=VALUE   DR3 is written: "ok" or the error. VALUE: hex digits, or @N: where function N is
//   3?        DR3 is read: its value
//   w8+4      the child writes four bytes at byte 8 of what may be watched; "r": it reads; "cN": it
//             calls function N. The answer: "trap" and B0-B3 of DR6 for each time that it stops
//   x         the child executes this program anew
//   o         the tracer opens a breakpoint of the child by perf_event_open(2), which stays off
#define _GNU_SOURCE
#include "test/compare/gen.h"
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define MAX_LINE      4096
#define OFFSET(n)     (offsetof(struct user, u_debugreg) + sizeof(long) * (size_t)(n))
#define STOPS_AT_MOST 8
#define OPENED_MOST   8

// What the child does next. It is in the child's memory, at the address that it has here.
#define TASK ((volatile struct access *)(ARENA + 2048))
#define EXEC 255 // as a function to call

static const char *self;
static pid_t child;
static int opened[OPENED_MOST], nr_opened;

// ---- the child ----

static void live(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) && errno != EPERM) // traced already, before x
        _exit(7);
    for (;;) {
        raise(SIGSTOP);
        if (TASK->call && TASK->at == EXEC)
            execl(self, self, "child", NULL);
        gen_make(*TASK);
    }
}

static int wait_for_stop(void)
{
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        printf(" the child has ended: %x\n", (unsigned)status);
        exit(0);
    }
    return WSTOPSIG(status);
}

// Lets the child do one thing. It stops again before the next one.
static void go(struct access a)
{
    long words[2] = {0, 0};
    memcpy(words, &a, sizeof a);
    for (size_t i = 0; i < 2; i++)
        ptrace(PTRACE_POKEDATA, child, (uintptr_t)TASK + sizeof(long) * i, words[i]);
    for (int stops = 0; stops < STOPS_AT_MOST; stops++) {
        if (ptrace(PTRACE_CONT, child, NULL, NULL))
            printf(" %s", gen_answer(-1));
        int signal = wait_for_stop();
        if (signal == SIGSTOP)
            return;
        if (signal == SIGTRAP && a.at != EXEC)
            printf(" trap%lx", ptrace(PTRACE_PEEKUSER, child, OFFSET(6), NULL) & 15);
        else if (signal != SIGTRAP)
            printf(" signal%d", signal);
    }
    printf(" more");
}

// ---- words ----

static uint64_t value_of(const char *text)
{
    return *text == '@' ? (uintptr_t)gen_functions[text[1] & 3] : strtoull(text, NULL, 16);
}

static void show(uint64_t value)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (value == (uintptr_t)gen_functions[i]) {
            printf(" @%d", i);
            return;
        }
    printf(" %lx", value);
}

static void use_register(const char *word)
{
    int n = *word - '0';
    if (word[1] == '=') {
        printf(" %s", gen_answer(ptrace(PTRACE_POKEUSER, child, OFFSET(n), value_of(word + 2))));
        return;
    }
    errno = 0;
    long value = ptrace(PTRACE_PEEKUSER, child, OFFSET(n), NULL);
    if (errno)
        printf(" %s", gen_error(errno));
    else
        show((uint64_t)value);
}

static void open_event(void)
{
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, ARENA, 1);
    attr.disabled = 1;
    int fd = bp_open_attr(&attr, child, -1);
    printf(" %s", gen_answer(fd));
    if (fd >= 0 && nr_opened < OPENED_MOST)
        opened[nr_opened++] = fd;
}

static void play(const char *word)
{
    struct access a = {.write = *word == 'w', .call = *word == 'c' || *word == 'x'};
    char *end = NULL;
    printf("%s", word);
    if (*word >= '0' && *word <= '7')
        use_register(word);
    else if (*word == 'o')
        open_event();
    else {
        a.at = *word == 'x' ? EXEC : (uint32_t)strtoul(word + 1, &end, 10);
        a.len = a.call ? 0 : (uint32_t)strtoul(end + 1, NULL, 10);
        go(a);
    }
    printf("\n");
}

static void scene(char *line)
{
    printf("scene\n");
    fflush(stdout);
    child = fork();
    if (child == 0)
        live();
    wait_for_stop();
    for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
        play(word);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (nr_opened > 0)
        close(opened[--nr_opened]);
}

int main(int argc, char **argv)
{
    static char line[MAX_LINE];
    self = argv[0];
    gen_map();
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        live();
    FILE *script = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!script)
        return 2;
    while (fgets(line, sizeof line, script))
        scene(line);
    return 0;
}

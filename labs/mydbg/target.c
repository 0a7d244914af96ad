// Starts a debugger for each scene, and is itself the program to debug; works on Linux, too.
//
//   target DEBUGGER SCENE...     a SCENE is [p]ADDRESS:LENGTH:STEPS; p: it runs, then is attached
//   target STEPS                 does the steps
//
// Commas separate the steps. A step is a letter and hex digits. wN: N is written to the point, with
// its length; r: it is read; n: its neighbours are written; t: INT3; uN: SIGUSR1, whose handler
// writes N; xN: ends with status N plus the signals that were handled; k: ends by SIGTERM. The
// first step lN@M says that the point has length N and is at byte M of `cell`.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_SECONDS 20 // for a scene
#define MAX_STEPS     512

struct {
    uint8_t before[8], cell[8], after[8];
} store __attribute__((aligned(64)));
volatile uint64_t spare __attribute__((aligned(64)));

static volatile uint8_t *point;
static unsigned len;
static volatile int handled;
static volatile uint64_t from_handler;

#define PUT(bits)                                                                                  \
    __attribute__((noinline, noclone)) void put##bits(uint64_t value)                              \
    {                                                                                              \
        *(volatile uint##bits##_t *)point = (uint##bits##_t)value;                                 \
    }
#define GET(bits)                                                                                  \
    __attribute__((noinline, noclone)) void get##bits(void)                                        \
    {                                                                                              \
        (void)*(volatile uint##bits##_t *)point;                                                   \
    }
PUT(8)
PUT(16)
PUT(32)
PUT(64)
GET(8)
GET(16)
GET(32)
GET(64)

// QEMU before 9.1 reports a hit again with the next hit in the same page: a store that hits nothing
// prevents it.
static void put(uint64_t value)
{
    (len == 1 ? put8 : len == 2 ? put16 : len == 4 ? put32 : put64)(value);
    spare = 1;
}

static void get(void)
{
    (len == 1 ? get8 : len == 2 ? get16 : len == 4 ? get32 : get64)();
    spare = 1;
}

static void count(int signal)
{
    handled++;
    if (signal == SIGUSR1)
        put(from_handler);
}

static void step(const char *s)
{
    uint64_t value = strtoull(s + 1, NULL, 16);
    switch (*s) {
    case 'l':
        len = (unsigned)value;
        point = store.cell + strtoul(strchr(s, '@') + 1, NULL, 16);
        break;
    case 'w':
        put(value);
        break;
    case 'r':
        get();
        break;
    case 'n':
        point[-1] = point[len] = (uint8_t)value;
        spare = 1;
        break;
    case 't':
        __asm__ volatile("int3");
        break;
    case 'u':
        from_handler = value;
        raise(SIGUSR1);
        break;
    case 'x':
        exit((int)value + handled);
    case 'k':
        raise(SIGTERM);
    }
}

static void perform(char *steps)
{
    struct sigaction action = {.sa_handler = count};
    sigaction(SIGTRAP, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (char *s = strtok(steps, ","); s; s = strtok(NULL, ","))
        step(s);
    exit(0);
}

// Waits until somebody traces it.
static void wait_for_tracer(void)
{
    for (;;) {
        char text[1024], *found;
        FILE *f = fopen("/proc/self/status", "r");
        size_t got = f ? fread(text, 1, sizeof text - 1, f) : 0;
        text[got] = '\0';
        if (f)
            fclose(f);
        if (!(found = strstr(text, "TracerPid:")) || atoi(found + 10))
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

// ---- scenes ----

static void start_debugger(char *debugger, char *self, char *scene)
{
    static char pid[16];
    int running = *scene == 'p';
    char *address = strtok(scene + running, ":"), *length = strtok(NULL, ":");
    char *steps = strtok(NULL, ":");
    char *start[] = {debugger, address, length, self, steps, NULL};
    char *join[] = {debugger, address, length, "-p", pid, NULL};
    pid_t child = running ? fork() : -1;
    if (child == 0) {
        wait_for_tracer();
        perform(steps);
    }
    snprintf(pid, sizeof pid, "%d", (int)child);
    execv(debugger, running ? join : start);
    _exit(126);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc == 2)
        perform(argv[1]);
    for (int i = 2; i < argc; i++) {
        printf("scene\n");
        alarm(LIMIT_SECONDS); // its default action ends this program
        pid_t pid = fork();
        if (pid == 0)
            start_debugger(argv[1], argv[0], argv[i]);
        waitpid(pid, NULL, 0);
        printf("end\n");
    }
    return 0;
}

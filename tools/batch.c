// The first program of a machine that runs a list of programs, one after the other, on Linux and on
// dr7: tools/batch.py writes the list and reads the lines that this program prints around each
// program's output:
//
//     TOKEN start N
//     TOKEN end N exited|killed STATUS      (or: timeout 0, not-started ERRNO)
//
// The list is the file /batch.list: for each program its limit in seconds, then its words, each
// with a zero byte at its end, then one more zero byte. argv[1] is the token. The machine goes off
// at the end of the list.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_WORDS 256
#define NOT_RUN   127 // status of a child that could not become the program

static const char *token;

__attribute__((noreturn)) static void off(const char *why)
{
    if (why)
        printf("%s failed %s: %s\n", token, why, strerror(errno));
    fflush(stdout);
    tcdrain(STDOUT_FILENO); // the console may be a tty with a buffer
    reboot(RB_POWER_OFF);
    _exit(1);
}

// Sets up what dr7 has from the start: file systems, and a console on the first serial port that
// does not change bytes.
static void prepare_linux(void)
{
    static const char *const mounts[][2] = {
        {"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/tmp"}};
    struct termios t;

    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        mkdir(mounts[i][1], 0755);
        if (mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL))
            _exit(1); // no console exists yet: the kernel's panic shows the failure
    }
    chmod("/tmp", 01777);
    int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
    for (int i = 0; i < 3; i++)
        if (dup2(fd, i) != i)
            _exit(1);
    if (fd > 2)
        close(fd);
    if (tcgetattr(0, &t))
        off("tcgetattr");
    cfmakeraw(&t);
    cfsetspeed(&t, B115200);
    if (tcsetattr(0, TCSANOW, &t))
        off("tcsetattr");
}

static void expired(int)
{
}

static void run(int number, unsigned seconds, char **argv)
{
    static char *const env[] = {"PATH=/:/bin", "HOME=/", "TERM=linux", NULL};
    int status = 0;

    printf("%s start %d\n", token, number);
    fflush(stdout);
    pid_t pid = fork(), ended;
    if (pid == 0) {
        setsid();
        execve(argv[0], argv, env);
        printf("%s end %d not-started %d\n", token, number, errno);
        fflush(stdout);
        _exit(NOT_RUN);
    }
    if (pid < 0)
        off("fork");
    alarm(seconds);
    do
        ended = waitpid(-1, &status, 0); // orphans become children of this process
    while (ended > 0 && ended != pid);
    int late = ended < 0;
    alarm(0);
    kill(-pid, SIGKILL); // and all that the program has left
    while (waitpid(late ? pid : -pid, NULL, 0) > 0)
        continue;
    if (late)
        printf("%s end %d timeout 0\n", token, number);
    else if (WIFSIGNALED(status))
        printf("%s end %d killed %d\n", token, number, WTERMSIG(status));
    else
        printf("%s end %d exited %d\n", token, number, WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
    static char list[65536];
    struct sigaction sa = {.sa_handler = expired};
    char *words[MAX_WORDS + 1];

    token = argc > 1 ? argv[1] : "batch";
    if (access("/proc/self/status", F_OK))
        prepare_linux();
    sigaction(SIGALRM, &sa, NULL);
    int fd = open("/batch.list", O_RDONLY);
    ssize_t size = read(fd, list, sizeof list - 1);
    if (size < 0)
        off("/batch.list");
    close(fd);

    char *at = list;
    for (int number = 0; at < list + size; number++) {
        unsigned seconds = (unsigned)strtoul(at, NULL, 10);
        int n = 0;
        for (at += strlen(at) + 1; *at && n < MAX_WORDS; at += strlen(at) + 1)
            words[n++] = at;
        words[n] = NULL;
        at++;
        run(number, seconds, words);
    }
    off(NULL);
}

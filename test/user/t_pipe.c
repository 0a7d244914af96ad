// Pipes: order, capacity, end of file, broken pipes.
#include "test/user/utest.h"
#include <signal.h>
#include <sys/wait.h>

#define BIG 1000000

static void write_pattern(void *arg)
{
    int fd = *(int *)arg;
    static unsigned char buf[7001];

    for (long done = 0; done < BIG;) {
        size_t n = (size_t)(BIG - done) < sizeof buf ? (size_t)(BIG - done) : sizeof buf;
        for (size_t i = 0; i < n; i++)
            buf[i] = (unsigned char)((done + (long)i) % 251);
        ssize_t w = write(fd, buf, n);
        REQUIRE(w > 0);
        done += w;
    }
}

UTEST(pipe_transfer, "pipe-transfer")
{
    static unsigned char buf[4093];
    int ends[2];
    long done = 0, wrong = 0;
    ssize_t n;

    REQUIRE(pipe(ends) == 0);
    pid_t pid = spawn(write_pattern, &ends[1]);
    close(ends[1]);
    while ((n = read(ends[0], buf, sizeof buf)) > 0)
        for (ssize_t i = 0; i < n; i++, done++)
            wrong += buf[i] != done % 251;
    CHECK_EQ(n, 0);
    CHECK_EQ(done, BIG);
    CHECK_EQ(wrong, 0);
    join(pid);
}

UTEST(pipe_errors, "pipe-errors")
{
    int ends[2];
    char c = 'x';

    CHECK_ERRNO(pipe(bad_pointer()), EFAULT);
    REQUIRE(pipe(ends) == 0);
    CHECK_ERRNO(read(ends[1], &c, 1), EBADF);
    CHECK_ERRNO(write(ends[0], &c, 1), EBADF);
    CHECK_ERRNO(lseek(ends[0], 0, SEEK_SET), ESPIPE);
    CHECK_EQ(write(ends[1], &c, 1), 1);
    CHECK_ERRNO(read(ends[0], bad_pointer(), 1), EFAULT);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(write(ends[1], &c, 1), EPIPE);
    close(ends[1]);
    CHECK_ERRNO(write(ends[1], &c, 1), EBADF);
    CHECK_ERRNO(close(ends[1]), EBADF);
}

static void write_to_broken(void *)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    close(ends[0]);
    write(ends[1], "x", 1);
}

static volatile sig_atomic_t code = -1, sender;

static void note_sender(int, siginfo_t *info, void *)
{
    code = info->si_code;
    sender = info->si_pid;
}

UTEST(pipe_sigpipe, "pipe-sigpipe")
{
    const struct sigaction act = {.sa_sigaction = note_sender, .sa_flags = SA_SIGINFO};
    int status = wait_for(spawn(write_to_broken, NULL));

    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGPIPE);
    REQUIRE(sigaction(SIGPIPE, &act, NULL) == 0);
    write_to_broken(NULL);
    CHECK(code == SI_USER && sender == getpid()); // sent as if by the process itself
}

UTEST(pipe_nonblock, "pipe-nonblock")
{
    int ends[2];
    char c;
    long capacity = 0;
    ssize_t n;
    static char block[4096];

    REQUIRE(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    CHECK_ERRNO(read(ends[0], &c, 1), EAGAIN);
    while ((n = write(ends[1], block, sizeof block)) > 0)
        capacity += n;
    CHECK_EQ(errno, EAGAIN);
    CHECK(capacity >= 4096);
    CHECK_EQ(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
    while (capacity > 0 && (n = read(ends[0], block, sizeof block)) > 0)
        capacity -= n;
    CHECK_EQ(capacity, 0);
}

UTEST(dup, "dup")
{
    int ends[2];
    char text[4] = "";

    REQUIRE(pipe(ends) == 0);
    int copy = dup(ends[1]);
    CHECK(copy >= 0 && copy != ends[1]);
    CHECK_EQ(dup2(ends[1], 100), 100);
    close(ends[1]);
    CHECK_EQ(write(100, "ab", 2), 2);
    close(100);
    CHECK_EQ(write(copy, "c", 1), 1);
    close(copy);
    CHECK_EQ(read(ends[0], text, 4), 3);
    CHECK(memcmp(text, "abc", 3) == 0);
    CHECK_EQ(read(ends[0], text, 4), 0); // the last writer is gone
    CHECK_ERRNO(dup(55), EBADF);
    CHECK_ERRNO(dup2(55, 56), EBADF);
    CHECK_ERRNO(dup2(0, -1), EBADF);
}

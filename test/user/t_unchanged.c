// A call that fails changes nothing, even if only its last step fails.
#include "test/user/utest.h"
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE 4096

static int new_file(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);

    REQUIRE(fd >= 0);
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void take_all_descriptors(void)
{
    while (dup(0) >= 0)
        ;
    CHECK_EQ(errno, EMFILE);
}

UTEST(unchanged_descriptors, "unchanged-descriptors")
{
    int fd = new_file("/tmp/full", "12345678"), ends[2] = {-5, -5};
    struct stat st;

    take_all_descriptors();
    CHECK_ERRNO(open("/tmp/full", O_WRONLY | O_TRUNC), EMFILE);
    CHECK_ERRNO(creat("/tmp/full", 0600), EMFILE);
    CHECK_ERRNO(open("/tmp/none", O_RDWR | O_CREAT, 0600), EMFILE);
    CHECK_ERRNO(stat("/tmp/none", &st), ENOENT);
    CHECK_ERRNO(pipe(ends), EMFILE);
    CHECK_EQ(ends[0], -5);
    CHECK_ERRNO(fcntl(0, F_DUPFD, 0), EMFILE);
    close(fd + 1); // one free descriptor, but two are needed
    CHECK_ERRNO(pipe(ends), EMFILE);
    CHECK_EQ(dup(0), fd + 1);
    CHECK_EQ(stat("/tmp/full", &st), 0);
    CHECK_EQ(st.st_size, 8);
    close(fd + 1);
    close(fd + 2);
    CHECK_ERRNO(pipe(bad_pointer()), EFAULT);
    CHECK_EQ(dup(0), fd + 1); // the descriptor was given back
    CHECK_EQ(unlink("/tmp/full"), 0);
}

// With O_PATH the flags that make or empty a file have no effect. Flags that exclude each other are
// refused before a descriptor is allocated.
UTEST(unchanged_flags, "unchanged-flags")
{
    int fd = new_file("/tmp/flags", "12345678");
    struct stat st;

    CHECK_EQ(open("/tmp/flags", O_PATH | O_RDWR | O_TRUNC), fd + 1);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 8);
    CHECK_EQ(open("/tmp/flags", O_PATH | O_CREAT | O_EXCL, 0600), fd + 2);
    CHECK_ERRNO(write(fd + 1, "x", 1), EBADF);
    CHECK_ERRNO(open("/tmp/none", O_PATH | O_CREAT, 0600), ENOENT);
    CHECK_ERRNO(open("/tmp/flags", O_PATH | O_DIRECTORY), ENOTDIR);
    CHECK_ERRNO(stat("/tmp/none", &st), ENOENT);
    take_all_descriptors();
    CHECK_ERRNO(open("/tmp/none", O_DIRECTORY | O_CREAT, 0600), EINVAL);
    CHECK_ERRNO(open(bad_pointer(), O_DIRECTORY | O_CREAT, 0600), EINVAL);
    CHECK_ERRNO(stat("/tmp/none", &st), ENOENT);
    CHECK_EQ(unlink("/tmp/flags"), 0);
}

UTEST_TYPE(unchanged_perf, "unchanged-perf")
{
    static volatile uint64_t word;
    struct perf_event_attr attr = bp_attr(HW_BREAKPOINT_W, &word, 8);

    for (int i = 0; i < BP_REGISTERS; i++)
        REQUIRE(bp_open(HW_BREAKPOINT_W, &word, 8) >= 0);
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), ENOSPC);
    take_all_descriptors();
    CHECK_ERRNO(bp_open_attr(&attr, 0, -1), EMFILE); // descriptors are checked before slots
    CHECK_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, 9999, 0ul), EMFILE);
    CHECK_ERRNO(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 1ul << 20), EINVAL);
}

UTEST(unchanged_append, "unchanged-append")
{
    int fd = new_file("/tmp/append", "12345678");
    struct stat st;

    CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND), 0);
    CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
    CHECK_ERRNO(write(fd, bad_pointer(), 1), EFAULT);
    CHECK_EQ(write(fd, "x", 0), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
    CHECK_EQ(write(fd, "9", 1), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 9);
    CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
    CHECK_ERRNO(pwrite(fd, bad_pointer(), 1, 5 * PAGE), EFAULT);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 9);
    CHECK_EQ(st.st_blocks, 8);
    CHECK_EQ(unlink("/tmp/append"), 0);
}

// Arguments that are refused with any descriptor.
UTEST(unchanged_order, "unchanged-order")
{
    char byte;

    CHECK_ERRNO(syscall(SYS_dup3, 99, 99, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_dup3, 99, 98, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_dup3, 99, 98, O_CLOEXEC), EBADF);
    CHECK_ERRNO(dup2(99, 99), EBADF);
    CHECK_ERRNO(ftruncate(99, -1), EINVAL);
    CHECK_ERRNO(ftruncate(99, 0), EBADF);
    CHECK_ERRNO(pread(99, &byte, 1, -1), EINVAL);
    CHECK_ERRNO(pwrite(99, &byte, 1, -1), EINVAL);
    CHECK_ERRNO(pwrite(99, &byte, 1, 0), EBADF);
    CHECK_ERRNO(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
    CHECK_ERRNO(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 1), EINVAL);
}

UTEST(unchanged_mremap, "unchanged-mremap")
{
    char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *to = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED && to != MAP_FAILED);
    p[0] = 'a';
    p[PAGE] = 'b';
    to[0] = to[PAGE] = 'c';
    if (on_dr7()) { // dr7 does not move private memory
        CHECK_ERRNO(mremap(to, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p), ENOMEM);
        CHECK_EQ(p[0] + to[PAGE], 'a' + 'c');
    }
    CHECK(mremap(p, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    CHECK_EQ(to[0], 'a');
    CHECK_EQ(to[PAGE], 'c');
    CHECK_ERRNO(msync(p, PAGE, MS_ASYNC), ENOMEM);
    CHECK_ERRNO(msync(p + 2 * PAGE, PAGE, MS_ASYNC), ENOMEM);
    CHECK(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    CHECK(mremap(p, 2 * PAGE, PAGE, 0) == MAP_FAILED && errno == EFAULT);
}

// A file that was opened for reading cannot be written through a mapping.
UTEST(unchanged_mprotect, "unchanged-mprotect")
{
    int fd = new_file("/tmp/map", "a"), read_only = open("/tmp/map", O_RDONLY);
    char *shared = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, read_only, 0), text[2] = "";
    char *private = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, read_only, 0);
    char *both = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    char *program = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("/proc/self/exe", O_RDONLY), 0);

    REQUIRE(shared != MAP_FAILED && private != MAP_FAILED && both != MAP_FAILED);
    REQUIRE(program != MAP_FAILED);
    CHECK_ERRNO(mprotect(shared, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_ERRNO(mprotect(program, PAGE, PROT_READ | PROT_WRITE), EACCES);
    CHECK_EQ(mprotect(shared, PAGE, PROT_NONE), 0);
    CHECK_ERRNO(mprotect(shared, PAGE, PROT_WRITE), EACCES);
    CHECK_EQ(mprotect(shared, PAGE, PROT_READ), 0);
    CHECK_EQ(mprotect(private, PAGE, PROT_READ | PROT_WRITE), 0);
    private[0] = 'b';
    CHECK_EQ(mprotect(both, PAGE, PROT_READ | PROT_WRITE), 0);
    both[0] = 'c';
    CHECK_EQ(shared[0], 'c');
    CHECK_EQ(pread(fd, text, 1, 0), 1);
    CHECK_EQ(text[0], 'c');
    CHECK_EQ(unlink("/tmp/map"), 0);
}

// A futex must be in memory that can be read. Only a wait reads a private futex.
UTEST(futex_none, "futex-none")
{
    uint32_t *p = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED);
    CHECK_ERRNO(syscall(SYS_futex, p, 1, 1, NULL, NULL, 0), EFAULT); // FUTEX_WAKE
    CHECK_ERRNO(syscall(SYS_futex, p, 0, 0, NULL, NULL, 0), EFAULT); // FUTEX_WAIT
    CHECK_EQ(syscall(SYS_futex, p, 1 | 128, 1, NULL, NULL, 0), 0);   // private
    CHECK_ERRNO(syscall(SYS_futex, p, 0 | 128, 0, NULL, NULL, 0), EFAULT);
    CHECK_EQ(mprotect(p, PAGE, PROT_READ), 0);
    CHECK_EQ(syscall(SYS_futex, p, 1, 1, NULL, NULL, 0), 0);
}

// A page after the end of a file holds no futex, either.
UTEST(futex_behind_end, "futex-behind-end")
{
    int fd = new_file("/tmp/map", "a");
    uint32_t *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t *behind = p + PAGE / sizeof *p;

    REQUIRE(p != MAP_FAILED);
    CHECK_EQ(syscall(SYS_futex, p, 1, 1, NULL, NULL, 0), 0); // FUTEX_WAKE
    CHECK_ERRNO(syscall(SYS_futex, behind, 1, 1, NULL, NULL, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_futex, behind, 0, 0, NULL, NULL, 0), EFAULT); // FUTEX_WAIT
    CHECK_ERRNO(syscall(SYS_futex, p, 3, 1, 1l, behind, 0), EFAULT);      // FUTEX_REQUEUE
    CHECK_EQ(syscall(SYS_futex, behind, 1 | 128, 1, NULL, NULL, 0), 0);   // private
    CHECK_EQ(unlink("/tmp/map"), 0);
}

UTEST(file_ioctl, "file-ioctl")
{
    int p[2], on = 1, off = 0;
    char byte;

    REQUIRE(pipe(p) == 0);
    CHECK_EQ(ioctl(p[0], FIOCLEX), 0);
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(p[1], F_GETFD), 0);
    CHECK_EQ(ioctl(p[0], FIONCLEX), 0);
    CHECK_EQ(fcntl(p[0], F_GETFD), 0);
    CHECK_ERRNO(ioctl(p[0], FIONBIO, bad_pointer()), EFAULT);
    CHECK_EQ(ioctl(p[0], FIONBIO, &on), 0);
    CHECK_ERRNO(read(p[0], &byte, 1), EAGAIN);
    CHECK_EQ(fcntl(p[0], F_GETFL), O_RDONLY | O_NONBLOCK);
    CHECK_EQ(ioctl(p[0], FIONBIO, &off), 0);
    CHECK_EQ(fcntl(p[0], F_GETFL), O_RDONLY);
    CHECK_ERRNO(ioctl(99, FIOCLEX), EBADF);
    CHECK_ERRNO(ioctl(p[0], 0x5499), ENOTTY);
}

UTEST(first_process, "first-process")
{
    cpu_set_t all, set;

    CHECK_EQ(sched_getaffinity(1, sizeof all, &all), 0);
    CHECK_EQ(CPU_COUNT(&all), online_cpus());
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    CHECK_EQ(sched_setaffinity(1, sizeof set, &set), 0);
    CHECK_EQ(sched_getaffinity(1, sizeof set, &set), 0);
    CHECK_EQ(CPU_COUNT(&set), 1);
    CHECK_EQ(sched_setaffinity(1, sizeof all, &all), 0);
    CHECK_EQ(kill(1, 0), 0);
}

UTEST(path_length, "path-length")
{
    char path[4097], cwd[4096];

    for (int i = 0; i < 4096; i++)
        path[i] = "/."[i % 2];
    path[4096] = '\0';
    CHECK_ERRNO(chdir(path), ENAMETOOLONG);
    path[4095] = '\0';
    CHECK_EQ(chdir(path), 0);
    path[2000] = '\0';
    CHECK_EQ(chdir(path), 0);
    memset(path, 'n', 200);
    path[200] = '\0';
    REQUIRE(chdir("/tmp") == 0);
    for (int i = 0; i < 3; i++)
        REQUIRE(mkdir(path, 0700) == 0 && chdir(path) == 0);
    CHECK(getcwd(cwd, sizeof cwd));
    CHECK_EQ(strlen(cwd), 4 + 3 * 201);
    CHECK_ERRNO(syscall(SYS_getcwd, cwd, 4 + 3 * 201), ERANGE);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(chdir("..") + rmdir(path), 0);
}

UTEST(exec_tmp, "exec-tmp")
{
    char *argv[] = {"/tmp/program", NULL};
    static char log[1 << 20];

    close(new_file(argv[0], "#!/bin/sh\n"));
    CHECK_ERRNO(execv(argv[0], argv), EACCES); // no x bit
    CHECK_EQ(chmod(argv[0], 0700), 0);
    if (!on_dr7()) {
        unlink(argv[0]);
        utest_skip("Linux runs it");
    }
    CHECK_ERRNO(execv(argv[0], argv), EACCES);
    int fd = open("/proc/kmsg", O_RDONLY);
    ssize_t n = read(fd, log, sizeof log - 1);
    CHECK(n > 0 &&
          strstr(log, "exec: /tmp/program lies in /tmp; only programs of the archive run"));
    CHECK_EQ(unlink(argv[0]), 0);
}

UTEST(dev_full, "dev-full")
{
    int fd = open("/dev/full", O_RDWR);
    char bytes[4] = "abc";
    struct stat st;

    REQUIRE(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_rdev, 0x107);
    CHECK_ERRNO(write(fd, bytes, 1), ENOSPC);
    CHECK_ERRNO(write(fd, bytes, 0), ENOSPC);
    CHECK_EQ(read(fd, bytes, 3), 3);
    CHECK_EQ(bytes[0] | bytes[1] | bytes[2], 0);
    close(fd);
}

// Memory that runs out in calls on files.
#include "test/user/oom.h"
#include "user/guest.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/stat.h>

#define TRACING    "/sys/kernel/debug/tracing/"
#define FILTER     TRACING "ksym_trace_filter"
#define TRACE_SIZE TRACING "buffer_size_kb"

static int fd; // the file that the calls use

static long open_file(void)
{
    return open("/proc/self/status", O_RDONLY);
}

static long open_guest(void)
{
    return open(GUEST_FILE, O_RDWR);
}

static long open_counter(void)
{
    return eventfd(0, 0);
}

static int ends[2];

static long open_pipe(void)
{
    ends[0] = ends[1] = -1; // brings in the page of the result
    return syscall(SYS_pipe2, ends, 0);
}

static void close_pipe(long)
{
    close(ends[0]), close(ends[1]);
}

static long read_generated(void)
{
    static char text[64];

    *(volatile char *)text = 0; // its page is there
    return pread(fd, text, sizeof text, 0);
}

static long get_directory(void)
{
    static char path[64];

    *(volatile char *)path = 0; // its page is there
    return syscall(SYS_getcwd, path, sizeof path);
}

// ---- /tmp ----

static long make_directory(void)
{
    return mkdir("/tmp/oom", 0700);
}

static void remove_directory(long)
{
    CHECK_EQ(rmdir("/tmp/oom"), 0);
}

static long make_link(void)
{
    return symlink("/somewhere", "/tmp/oom");
}

// With O_EXCL the next try also checks that a failed one has left no name.
static long make_file(void)
{
    return open("/tmp/oom", O_RDWR | O_CREAT | O_EXCL, 0600);
}

static void remove_file(long got)
{
    if (got > 0)
        close((int)got);
    CHECK_EQ(unlink("/tmp/oom"), 0);
}

static long write_page(void)
{
    char byte = 'x'; // on the stack, because its page is mapped
    return write(fd, &byte, 1);
}

static void shorten(long)
{
    CHECK_EQ(ftruncate(fd, 0), 0);
}

static void test_tmp(void)
{
    oom_each("mkdir", make_directory, remove_directory, ENOMEM);
    oom_each("symlink", make_link, remove_file, ENOMEM);
    oom_each("open of a new file", make_file, remove_file, ENOMEM);
    fd = (int)make_file();
    oom_each("write of a new page", write_page, shorten, ENOSPC);
    remove_file(fd);
}

// ---- waiting for files ----

static long poll_one(void)
{
    struct pollfd p = {0, POLLIN, 0};

    return poll(&p, 1, 0);
}

static long select_one(void)
{
    struct timeval none = {0, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(0, &set);
    return select(1, &set, NULL, NULL, &none);
}

// ---- the trace ----

static long make_rings(void)
{
    return write(fd, "8", 1);
}

static void drop_rings(long)
{
    CHECK_EQ(write(fd, "0", 1), 1);
}

// Existing rings stay when there is no memory for new ones.
static long grow_rings(void)
{
    long got = write(fd, "8", 1);
    int err = errno;

    CHECK_EQ(oom_number(TRACE_SIZE, ""), got == 1 ? 8 : 4);
    errno = err;
    return got;
}

static void test_trace(void)
{
    fd = open(TRACE_SIZE, O_RDWR);
    oom_each("rings of the trace", make_rings, drop_rings, ENOMEM);
    CHECK_EQ(write(fd, "4", 1), 1);
    oom_each("larger rings", grow_rings, drop_rings, ENOMEM);
    close(fd);
}

// ---- the symbol tracer ----

static long trace_symbol(void)
{
    return write(fd, "next_tid:-w-", 12);
}

static void trace_no_more(long)
{
    CHECK_EQ(write(fd, "next_tid:---", 12), 12);
}

static void round_of_files(void)
{
    int guest = open(GUEST_FILE, O_RDWR);

    oom_each("open of a file", open_file, oom_close, ENOMEM);
    if (guest >= 0) { // guests need SVM
        close(guest);
        oom_each("open of a guest", open_guest, oom_close, ENOMEM);
    }
    oom_each("eventfd", open_counter, oom_close, ENOMEM);
    oom_each("pipe", open_pipe, close_pipe, ENOMEM);
    fd = open("/proc/self/status", O_RDONLY);
    oom_each("read of a generated file", read_generated, oom_nothing, ENOMEM);
    close(fd);
    oom_each("getcwd", get_directory, oom_nothing, ENOMEM);
    test_tmp();
    oom_each("poll", poll_one, oom_nothing, ENOMEM);
    oom_each("select", select_one, oom_nothing, ENOMEM);
    test_trace();
    fd = open(FILTER, O_RDWR);
    oom_each("tracing a symbol", trace_symbol, trace_no_more, ENOMEM);
    close(fd);
}

UTEST_TYPE(oom_files, "oom.files")
{
    oom_rounds(round_of_files);
}

// The symbol tracer as programs use it: through its files.
#include "test/user/utest.h"
#include "user/bp.h"
#include "user/trace.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define FORKS 10

static char text[1 << 20];

static const char *read_of(const char *path)
{
    REQUIRE(read_text(path, text, sizeof text) >= 0);
    return text;
}

static void check_filters(const char *want)
{
    CHECK_EQ(strcmp(read_of(KSYM_FILTER_FILE), want), 0);
}

// The number of lines in the trace that are about this process and hold the word.
static int lines_of_mine(const char *word)
{
    char who[32];
    int n = 0;

    snprintf(who, sizeof who, " utest-%d ", getpid());
    for (const char *line = read_of(KSYM_TRACE_FILE); line; line = next_line(line)) {
        const char *end = line + strcspn(line, "\n"), *task = strstr(line, who),
                   *what = strstr(line, word);
        n += task && task < end && what && what < end;
    }
    return n;
}

static long entries_written(void)
{
    long kept = -1, written = -1;
    const char *at = strstr(read_of(KSYM_TRACE_FILE), "entries-written: ");

    REQUIRE(at != NULL);
    CHECK_EQ(sscanf(at, "entries-written: %ld/%ld", &kept, &written), 2);
    return written;
}

static void fork_once(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    CHECK_EQ(wait_for(pid), 0);
}

// In us, on the clock of the trace.
static long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// Each access was after the one before it, and between these times.
static void check_times(long begin, long end)
{
    long sec, us;

    for (const char *line = read_of(KSYM_TRACE_FILE); line; line = next_line(line)) {
        if (sscanf(line, "%*s [%*d] %ld.%6ld: ", &sec, &us) != 2)
            continue;
        CHECK(begin <= sec * 1000000 + us);
        begin = sec * 1000000 + us;
    }
    CHECK(begin <= end);
}

static void check_directory(const char *path)
{
    struct stat st;

    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0555);
}

UTEST_ENTRY(files, "ksym-files", NULL, NEEDS_DR7)
{
    int fd, cpus = online_cpus(); // counted before this process is bound to one CPU
    long begin = now_us();
    char word[32];

    check_directory(TRACING_DIR);
    check_directory(TRACING_DIR "/trace_stat");
    CHECK_EQ(write_text(KSYM_FILTER_FILE, "next_tid:-w-\n"), 0);
    check_filters("next_tid:-w-\n");
    fork_once();
    REQUIRE((fd = open(KSYM_TRACE_FILE, O_WRONLY)) >= 0);
    CHECK_EQ(write(fd, "any text", 8), 8); // drops the accesses
    close(fd);
    CHECK_EQ(entries_written(), 0);
    for (int cpu = 0; cpu < cpus; cpu++) {
        pin_to_cpu(cpu);
        for (int i = 0; i < FORKS; i++)
            fork_once();
    }
    for (int cpu = 0; cpu < cpus; cpu++) {
        snprintf(word, sizeof word, " [%03d] ", cpu);
        CHECK_EQ(lines_of_mine(word), FORKS);
    }
    CHECK_EQ(lines_of_mine(": next_tid W task_new+0x"), FORKS * cpus);
    CHECK(entries_written() >= FORKS * cpus);
    check_times(begin, now_us());
    CHECK(strstr(read_of(KSYM_STAT_FILE), " next_tid\n"));

    CHECK((fd = open(KSYM_FILTER_FILE, O_WRONLY | O_TRUNC)) >= 0); // as the shell's ">" does
    close(fd);
    check_filters("next_tid:-w-\n");
    CHECK((fd = open(KSYM_FILTER_FILE, O_WRONLY)) >= 0);
    CHECK_EQ(write(fd, "", 0), 0);
    close(fd);
    check_filters("");
    CHECK((fd = open(KSYM_TRACE_FILE, O_WRONLY | O_TRUNC)) >= 0);
    close(fd);
    CHECK_EQ(entries_written(), 0);
    fork_once();
    CHECK_EQ(entries_written(), 0);
}

UTEST_ENTRY(errors, "ksym-errors", NULL, NEEDS_DR7)
{
    long live = hwbp_sum("hwbp", "live");
    int fd[BP_REGISTERS];

    CHECK_ERRNO(write_text(KSYM_FILTER_FILE, "next_tid:r--"), EINVAL);
    CHECK_ERRNO(write_text(KSYM_FILTER_FILE, "next_tid"), EINVAL);
    CHECK_ERRNO(write_text(KSYM_FILTER_FILE, "no_such_symbol:rw-"), ENOENT);
    CHECK_ERRNO(write_text(KSYM_FILTER_FILE, "next_tid:---"), ENOENT);
    for (int i = 0; i < BP_REGISTERS; i++)
        REQUIRE((fd[i] = bp_open(HW_BREAKPOINT_W, &live, 8)) >= 0);
    CHECK_ERRNO(write_text(KSYM_FILTER_FILE, "next_tid:rw-"), ENOSPC);
    check_filters("");
    CHECK_EQ(hwbp_sum("hwbp", "live"), live + BP_REGISTERS);
    for (int i = 0; i < BP_REGISTERS; i++)
        close(fd[i]);
    CHECK_ERRNO(open(KSYM_STAT_FILE, O_WRONLY), EACCES);
    CHECK_EQ(write_text(KSYM_FILTER_FILE, "next_tid:rw-"), 0);
    CHECK_EQ(write_text(KSYM_FILTER_FILE, "0"), 0);
    CHECK_EQ(hwbp_sum("hwbp", "live"), live);
}

// Each fork of this task writes the kernel's variable once, at the address in /proc/kallsyms.
UTEST_ENTRY(kallsyms, "ksym-kallsyms", NULL, NEEDS_DR7)
{
    const char *line = strstr(read_of("/proc/kallsyms"), " D next_tid\n");

    REQUIRE(line && line - text >= 16);
    struct perf_event_attr attr =
        bp_attr(HW_BREAKPOINT_W, (void *)strtoul(line - 16, NULL, 16), sizeof(int));
    attr.exclude_kernel = 0;
    attr.exclude_user = 1;
    int fd = bp_open_attr(&attr, 0, -1);
    REQUIRE(fd >= 0);
    for (int i = 0; i < FORKS; i++)
        fork_once();
    CHECK_EQ(bp_read(fd), FORKS);
    CHECK(strstr(text, " T clone\n") != NULL);
    close(fd);
}

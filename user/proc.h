// Reads numbers from /proc, for programs and tests.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HWBP_FILE  "/proc/hwbp"
#define RULES_FILE "/proc/sys/kernel/bp_slots"

// Reads a file as a string, at most size - 1 bytes. Returns the length, or -1 and errno.
static inline ssize_t read_text(const char *path, char *buf, size_t size)
{
    size_t len = 0;
    ssize_t n = -1;
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return -1;
    while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    buf[len] = '\0';
    return n < 0 ? -1 : (ssize_t)len;
}

// Writes a string with one write(2). Returns 0, or -1 and errno.
static inline int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    return n < 0 ? -1 : 0;
}

// The line after p, or NULL.
static inline const char *next_line(const char *p)
{
    p = strchr(p, '\n');
    return p && p[1] ? p + 1 : NULL;
}

// A number in /proc/PID/status, for example "voluntary_ctxt_switches"; -1 if it is missing.
static inline long status_number(pid_t pid, const char *key)
{
    char path[64], text[4096];
    size_t len = strlen(key);

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (read_text(path, text, sizeof text) < 0)
        return -1;
    for (const char *line = text; line; line = next_line(line))
        if (strncmp(line, key, len) == 0 && line[len] == ':')
            return strtol(line + len + 1, NULL, 10);
    return -1;
}

// How often the scheduler has switched to a task, or -1.
static inline long context_switches(pid_t pid)
{
    long voluntary = status_number(pid, "voluntary_ctxt_switches");
    long forced = status_number(pid, "nonvoluntary_ctxt_switches");

    return voluntary < 0 || forced < 0 ? -1 : voluntary + forced;
}

// The sum of " key=" over all lines of /proc/hwbp that begin with `line` ("cpu", "hwbp"). -1
// without that file.
static inline long hwbp_sum(const char *line, const char *key)
{
    static char text[65536]; // 64 CPUs with 4 registers each
    char pattern[32];
    long sum = 0;

    if (read_text(HWBP_FILE, text, sizeof text) < 0)
        return -1;
    snprintf(pattern, sizeof pattern, " %s=", key);
    for (const char *at = text; at; at = next_line(at)) {
        const char *end = strchr(at, '\n');
        const char *found = strncmp(at, line, strlen(line)) == 0 ? strstr(at, pattern) : NULL;
        if (found && (!end || found < end))
            sum += strtol(found + strlen(pattern), NULL, 10);
    }
    return sum;
}

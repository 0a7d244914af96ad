// The upcalls of perf: descriptors belong to kernel/fs.
#pragma once

#include "arch/x86/types.h"

struct file;
struct perf_event;

// kernel/fs/perf_file.c. A new descriptor of the running task for this event; on success it owns
// the event and releases it (perf_event_release_kernel) at the last close. -EMFILE or -ENOMEM, and
// the event still belongs to the caller.
int perf_fd_install(struct perf_event *event, bool cloexec);
// kernel/fs/perf_file.c. The event behind a descriptor of the running task; it stays until put. 0
// or -EBADF when it is no descriptor of an event.
struct perf_fd {
    struct perf_event *event;
    struct file *file; // keeps it
};
int perf_fd_get(int fd, struct perf_fd *out);
void perf_fd_put(struct perf_fd *fd);

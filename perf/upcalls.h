// The upcalls of perf: descriptors belong to kernel/fs.
#pragma once

#include "arch/x86/types.h"

struct perf_event;

// kernel/fs/perf_file.c. A new descriptor of the running task for this event; on success it owns
// the event and releases it (perf_event_release_kernel) at the last close. -EMFILE or -ENOMEM, and
// the event still belongs to the caller.
int perf_fd_install(struct perf_event *event, bool cloexec);
// kernel/fs/perf_file.c. True if fd is a descriptor of a perf event.
bool perf_fd_valid(int fd);

// How processes and threads begin and end. The files of linux/proc share this.
#pragma once

#include "linux/task/process.h"

// Undoes process_new() of a process that was never linked. Gives back its address space and its
// descriptors, too. Task context.
void process_release_unused(struct process *p);

// Ends the running thread. If it is the last one, the process ends with this wait status (wait(2)).
// Task context, no locks.
__noreturn void thread_exit(int wait_status);
// Ends all threads of the running process, with this wait status. Task context, no locks.
__noreturn void process_exit(int wait_status);

// A vfork's parent waits here. This structure is on the parent's stack, so thread.vfork is
// forgotten when the parent is killed. proc_lock guards it.
struct vfork {
    struct wait_queue queue;
    bool done;
};
// The running thread leaves its address space, so a vfork's parent may go on. Task context.
void vfork_release(struct thread *th);
// Comes before vfork_release(). Marks the robust mutexes that the thread still holds. If others
// share the memory, clears the word that set_tid_address(2) has named. The running thread. Task
// context.
void thread_leaves_words(struct task *t);

// The process has a new limit of CPU time (RLIMIT_CPU). proc_lock held.
void itimers_limit_cpu(struct process *p);
// Stops the process's interval timers. Task context, no locks.
void itimers_stop(struct process *p);
// Sends the signals of all timers that have run down, and starts these timers again. Task context,
// no locks.
void itimers_check(void);

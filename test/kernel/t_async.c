// Who gets the signals of a file: changes by two threads at once (fcntl(2), "Managing signals").
#include "linux/fs/async.h"
#include "linux/fs/file.h"
#include "linux/task/process.h"
#include "test/kernel/ktest.h"
#include <linux/fcntl.h>

static struct file file;

static void set_group(void *)
{
    EXPECT_EQ(file_async_fcntl(&file, F_SETOWN, -5), 0);
}

// The look for the new owner may sleep. What is set meanwhile stays.
KTEST(async_owner, "async-owner", NULL)
{
    file.owner = (struct file_owner){0};
    mutex_lock(&proc_lock);
    struct task *t = kthread_create("owner", set_group, NULL, CPUMASK_ALL);
    while (!ktest_waiting(&proc_lock))
        schedule();
    EXPECT_EQ(file_async_fcntl(&file, F_SETSIG, 10), 0);
    mutex_unlock(&proc_lock);
    task_join(t);
    task_put(t);
    EXPECT_EQ(file_async_fcntl(&file, F_GETSIG, 0), 10);
    EXPECT_EQ(file_async_fcntl(&file, F_GETOWN, 0), -5);
}

// The checks of the kernel's and the host's tests. ktest_fail() prints a failure, and the test goes
// on.
#pragma once

#define EXPECT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond))                                                                               \
            ktest_fail(__FILE__, __LINE__, "%s", #cond);                                           \
    } while (0)

#define EXPECT_EQ(got, want)                                                                       \
    do {                                                                                           \
        long g_ = (long)(got), w_ = (long)(want);                                                  \
        if (g_ != w_)                                                                              \
            ktest_fail(__FILE__, __LINE__, "%s is %ld, want %ld", #got, g_, w_);                   \
    } while (0)

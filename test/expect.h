// What tests in the kernel and on the host say of what must be true; ktest_fail() prints, and the
// test goes on.
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

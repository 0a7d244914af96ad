// Error numbers, Linux's values (errno(3)). Functions return them negated.
#pragma once

enum {
#include <errno_numbers.h> // made from Linux's own header (Makefile)
    ERESTARTSYS = 512, // kernel only: restart the call if the signal's action says so, else EINTR
};

// A pointer or a negated error number in one word, for functions that return either.
#define ERR_PTR(err) ((void *)(long)(err))
#define PTR_ERR(ptr) ((long)(ptr))
#define IS_ERR(ptr)  ((unsigned long)(ptr) >= (unsigned long)-4095)

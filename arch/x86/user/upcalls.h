// The upcalls of arch/x86/user.
#pragma once

#include "arch/x86/types.h"

// linux/fs/console.c. A byte from the keyboard. IRQs off.
void console_input(u8 c);

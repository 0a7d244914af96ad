// The archive that GRUB loads as a module: cpio, format "newc" (cpio(5)).
#pragma once

#include "arch/x86/types.h"

struct archive_entry {
    const char *name; // ends with NUL; relative, as it stands in the archive
    u32 mode;
    u64 mtime;
    const u8 *data;
    u64 size;
};

// Calls fn for each entry up to the trailer; fn answers NULL or what is wrong with the entry. True
// when all is well, otherwise `why` says in words which entry is broken and how. Never reads
// outside [data, data + len).
bool archive_parse(const u8 *data, u64 len, const char *(*fn)(const struct archive_entry *e),
                   char *why, size_t size);

// Hangs one entry into the tree, missing parents included. NULL or what is wrong with it.
const char *archive_add(const struct archive_entry *e);

// The archive that GRUB loads as a module: cpio, format "newc" (cpio(5)).
#pragma once

#include "arch/x86/types.h"

struct archive_entry {
    const char *name; // a relative path with its NUL, as it stands in the archive
    u32 mode;
    u64 mtime;
    const u8 *data;
    u64 size;
};

// Calls fn for each entry up to the trailer. fn returns NULL, or says in words what is wrong with
// the entry. True when all is well. Otherwise `why` says which entry is broken and how. Never reads
// outside of [data, data + len).
bool archive_parse(const u8 *data, u64 len, const char *(*fn)(const struct archive_entry *e),
                   char *why, size_t size);

// Adds one entry to the tree, and the directories above it that are missing. Returns NULL, or says
// in words what is wrong with the entry. At boot.
const char *archive_add(const struct archive_entry *e);

// What the files of the address spaces share; nobody else includes it.
#pragma once

#include "arch/x86/paging.h"
#include "kernel/mm/vm.h"

// The area that holds addr, or NULL. mm->lock held, as for all below.
struct vm_area *area_find(struct mm *mm, u64 addr);
// A copy, linked nowhere, with a reference of its own to the object. NULL when memory is out.
struct vm_area *area_copy(const struct vm_area *a);
void area_free(struct vm_area *a);

// What an entry of this area says, without the address; W only if the page is not used by others.
u64 area_pte_flags(const struct vm_area *a, bool exclusive);

// Calls fn for each page that is there in [start, end), all in area a, present or hidden (V4).
void area_for_each_page(struct mm *mm, const struct vm_area *a, u64 start, u64 end,
                        void (*fn)(u64 va, u64 *pte, void *arg), void *arg);

// Takes the pages of [start, end) out of the tables and drops them (V2).
void area_drop_pages(struct mm *mm, const struct vm_area *a, u64 start, u64 end);

// Makes sure that the page at va is there and, for `write`, that nobody else uses it (private areas).
// Its physical address in *pa. 0, -ENOMEM, or -EIO beyond the end of an object.
int area_get_page(struct mm *mm, const struct vm_area *a, u64 va, bool write, u64 *pa);

// Zeroed pages shared by the areas of several address spaces. One reference; NULL: memory is out.
struct vm_object *anon_object_new(u64 nr_pages);

// The debugger's window: one page of the kernel half that shows any page of memory. See window.h.
#include "debug/kgdb/window.h"
#include "arch/x86/paging.h"

static u64 window_va __protected_bss;
static u64 *window_pte __protected_bss;

void window_init(void)
{
    window_va = (u64)mmio_map(0, PAGE_SIZE); // makes the page tables that the window needs
    window_pte = paging_walk(paging_kernel_root, window_va, NULL);
    window_close();
}

// Protected, because it is used while gdb's breakpoints still stand.
__protected_text void *window_open(u64 pa, u64 flags)
{
    *window_pte = (pa & PTE_ADDR) | (flags & (PTE_PCD | PTE_PWT)) | PTE_P | PTE_W | PTE_NX;
    tlb_flush_page(window_va);
    return (void *)(window_va + pa % PAGE_SIZE);
}

__protected_text void window_close(void)
{
    *window_pte = 0;
    tlb_flush_page(window_va);
}

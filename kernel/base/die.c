// The chain of exception handlers. Asking it is protected: kgdb's
// breakpoints still stand in the kernel's text until its link has lifted them.
#include "kernel/base/die.h"
#include "arch/x86/smp.h"

static struct die_link *chain __protected_bss;

void die_register(struct die_link *link)
{
    struct die_link **at = &chain;
    while (*at && (*at)->priority >= link->priority)
        at = &(*at)->next;
    link->next = *at;
    __atomic_store_n(at, link, __ATOMIC_RELEASE);
}

void die_unregister(struct die_link *link)
{
    struct die_link **at = &chain;
    while (*at != link)
        at = &(*at)->next;
    __atomic_store_n(at, link->next, __ATOMIC_RELEASE);
    smp_wait_for_all(); // every CPU that was in the chain, with IRQs off, has left it
}

__protected_text enum die_answer die_notify(struct die *d)
{
    struct die_link *link = __atomic_load_n(&chain, __ATOMIC_ACQUIRE);
    for (; link; link = __atomic_load_n(&link->next, __ATOMIC_ACQUIRE))
        if (link->fn(d) == DIE_STOP)
            return DIE_STOP;
    return DIE_DONE;
}

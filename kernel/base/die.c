// The chain of exception handlers, and the upcalls that lead to it. Asking it is protected: kgdb's
// breakpoints still stand in the kernel's text until its link has lifted them.
#include "kernel/base/die.h"
#include "arch/x86/smp.h"
#include "arch/x86/upcalls.h"

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
    smp_wait_for_all(); // who was in the chain, with IRQs off, has left it
}

static inline __attribute__((always_inline)) enum die_answer ask(struct die *d)
{
    struct die_link *link = __atomic_load_n(&chain, __ATOMIC_ACQUIRE);
    for (; link; link = __atomic_load_n(&link->next, __ATOMIC_ACQUIRE))
        if (link->fn(d) == DIE_STOP)
            return DIE_STOP;
    return DIE_DONE;
}

__protected_text enum die_answer die_notify(struct die *d)
{
    return ask(d);
}

// ---- upcalls ----

__protected_text u64 debug_exception(struct trapframe *f, struct dr_hits *hits)
{
    struct die d = {DIE_DEBUG, f, hits, NULL};
    return ask(&d) == DIE_STOP ? 0 : d.hits->dr6;
}

__protected_text bool exception_taken(struct trapframe *f)
{
    struct die d = {f->vector == TRAP_BP ? DIE_INT3 : DIE_TRAP, f, NULL, NULL};
    return die_notify(&d) == DIE_STOP;
}

__protected_text bool nmi_taken(struct trapframe *f, u64 *dr7)
{
    struct die d = {DIE_NMI, f, NULL, dr7};
    return die_notify(&d) == DIE_STOP;
}

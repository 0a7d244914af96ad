// A refusal in words.
#include "hwbp/slots.h"
#include "kernel/base/printk.h"

int slots_explain(const struct slot_refusal *why, char *buf, size_t size)
{
    const struct {
        u32 n;
        const char *what;
    } terms[] = {
        {why->by_cpu, " pinned by the CPU"},
        {why->by_task, " pinned by one task"},
        {why->kept, " kept for"},
    };
    struct text t = {buf, size, 0};
    const char *between = "";
    text_add(&t, "cpu %u: ", why->cpu);
    for (u32 i = 0; i < ARRAY_SIZE(terms); i++) {
        if (!terms[i].n)
            continue;
        text_add(&t, "%s%u%s", between, terms[i].n, terms[i].what);
        between = " + ";
    }
    if (why->kept)
        text_add(&t, " %u flexible", why->flexible);
    text_add(&t, " = %u", why->by_cpu + why->by_task + why->kept);
    return MIN(t.len, size - 1);
}

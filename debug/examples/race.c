// The race finder: the list of accesses, and the pairs that were found.
#include "debug/examples/race_turn.h"
#include "kernel/base/cmdline.h"
#include "kernel/base/errno.h"
#include "kernel/base/string.h"

#define ROUNDS 4u

struct race_turn race_turn;

static const struct race_access *accesses;
static u32 nr_accesses;
static u64 met[RACE_MAX]; // bits: the accesses that came while this one was held up

static const char *kind(u32 i)
{
    return i == nr_accesses ? "access" : accesses[i].write ? "write" : "read";
}

// A pair is logged once, whichever of the two was held up. Of accesses that are not in the list,
// one is logged for each that is.
static void report(void)
{
    u32 i = race_turn.access - accesses, j = 0;
    while (j < nr_accesses && accesses[j].ip + accesses[j].size != race_turn.by)
        j++;
    u32 mate = j < nr_accesses ? j : i;
    bool known = met[i] & BIT(mate) || met[mate] & BIT(i);
    met[i] |= BIT(mate);
    if (!known)
        printk("RACE: %pS: %s by %pS on CPU %u, %s by %pS on CPU %u\n", (void *)race_turn.addr,
               kind(i), (void *)accesses[i].ip, race_turn.cpu, kind(j),
               (void *)(j < nr_accesses ? accesses[j].ip : race_turn.by), race_turn.by_cpu);
}

int race_find(const struct race_access *list, u32 n, u32 rounds)
{
    accesses = list;
    nr_accesses = n;
    memset(met, 0, sizeof(met));
    int err = 0;
    for (u32 i = 0; i < n * rounds && !err; i++) {
        err = race_take_turn(&list[i % n]);
        if (race_turn.by)
            report();
    }
    return err;
}

u64 race_met(u32 i)
{
    return met[i];
}

// How many accesses the text has, which is cut into words; 0: it is no list.
static u32 read_list(char *text, struct race_access *list)
{
    u32 n = 0, each = sizeof(*list) / sizeof(u64);
    while (text && n < RACE_MAX * each) {
        char *end = strchr(text, ',');
        if (end)
            *end++ = '\0';
        if (!parse_u64(text, (u64 *)list + n++))
            return 0;
        text = end;
    }
    return text || n % each ? 0 : n / each;
}

void race_run(void *)
{
    static struct race_access list[RACE_MAX];
    static char text[CMDLINE_SIZE];
    if (!cmdline_get("race", text, sizeof(text)))
        return;
    u32 n = read_list(text, list);
    int err = n ? race_find(list, n, ROUNDS) : -EINVAL;
    if (err)
        printk("race: error %d\n", -err);
    else
        printk("race: each of %u accesses had %u turns\n", n, ROUNDS);
}

void race_start(void)
{
    char unused[1];
    struct task *t = NULL;
    if (cmdline_get("race", unused, sizeof(unused)))
        t = kthread_create("race", race_run, NULL, CPUMASK_ALL);
    if (t)
        task_put(t);
}

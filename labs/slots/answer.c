// The slot rules of a hand-in answer questions. Every verdict is made in another process
// (judge.py). A line of input is a script, a line of output what the rules made of it:
//
//   RULES CPUS WORD...     a word is [count] [~] who where [f], as in test/slots_table.h
//
// The answer: "." (granted) or "x" for each request, then the counts of each CPU, then `live`.
#include "labs/asker.h"

#include "hwbp/slots.h"

#define WHO_MAX 8

static struct slot_task tasks[WHO_MAX];

static struct slot_request parse(const char *w)
{
    return (struct slot_request){.task = *w == '-' ? NULL : &tasks[*w - 'A'],
                                 .cpu = w[1] == '*' ? -1 : w[1] - '0',
                                 .pinned = w[2] != 'f'};
}

static void play(struct slot_table *t, const char *w)
{
    int times = *w >= '0' && *w <= '9' ? *w++ - '0' : 1;
    bool release = *w == '~' && *w++;
    struct slot_request r = parse(w);
    for (; times > 0; times--) {
        if (release)
            slots_release(t, &r);
        else
            say("%c", slots_reserve(t, &r, NULL) ? 'x' : '.');
    }
}

static void say_counts(const struct slot_table *t)
{
    for (u32 c = 0; c < t->nr_cpus; c++) {
        say(" %u,%u,%u:", t->cpu[c].cpu_pinned, t->cpu[c].cpu_flexible, t->cpu[c].flexible);
        for (u32 n = 0; n <= SLOTS_PER_CPU; n++)
            for (u32 f = 0; f < ARRAY_SIZE(t->cpu[c].tasks); f++)
                say("%u%s", t->cpu[c].tasks[f][n],
                    f + 1 < ARRAY_SIZE(t->cpu[c].tasks) ? "/"
                    : n < SLOTS_PER_CPU                 ? ","
                                                        : "");
    }
    say(" %u", t->live);
}

static void run(void)
{
    static struct slot_table t;
    enum slot_rules rules;
    memset(tasks, 0, sizeof(tasks));
    if (!slots_parse(strtok(line, " \n"), &rules))
        syscall(SYS_exit, 4);
    slots_init(&t, rules, atoi(strtok(NULL, " \n")));
    for (char *w; (w = strtok(NULL, " \n"));)
        play(&t, w);
    say_counts(&t);
    end_line();
}

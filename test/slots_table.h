// The table of worked examples of the slot rules, and the admission scenarios, as scripts. The
// tests of the host and of the kernel run them against the rule engine. The including file has
// EXPECT and ktest_fail.
//
// A script is a row of words. A word is who (A or B: that task; -: no task), where (0 or 1: that
// CPU; *: every CPU), then f for a flexible one. In front may stand a count, and
//   nothing   reserve
//   !         reserve, which must be refused
//   ~         release
#pragma once

#include "hwbp/slots.h"

#define SLOTS_ENOSPC (-28)
#define IMPOSSIBLE   (-1) // `held` of this row does not fit under this rule set

struct slots_row {
    const char *held, *asked;
    int refused[3]; // how many of `asked` under 2009, exact, mainline
};

// 4 registers, 2 CPUs.
static const struct slots_row slots_rows[] = {
    {"", "4A*", {0, 0, 0}},                  // a task may have all four
    {"4A*", "A*", {1, 1, 1}},                // but not a fifth one
    {"4A*", "B*", {1, 0, 0}},                // 2009 counts the largest holder against all tasks
    {"4A*", "-0", {1, 1, 1}},                // A may run on CPU 0
    {"4A*", "B*f", {1, 0, 0}},               // the same for a flexible one
    {"A*f 3A*", "A*", {1, 1, 1}},            // one register is kept for the flexible one
    {"A*f", "4B*", {1, 0, 0}},               // the fourth
    {"2A0 2-0", "-1", {0, 0, 0}},            // CPU 1 is empty
    {"3-0 A*f", "-0", {1, 1, 1}},            // the fourth is kept for A
    {"3-0 9A*f", "A*f", {0, 0, IMPOSSIBLE}}, // flexible ones share; under mainline they do not
    {"4-0", "-*", {1, 1, 1}},                // all CPUs or none
    {"4A* ~A*", "-0", {0, 0, 0}},            // a release gives the registers back
};

struct slots_scenario {
    const char *name, *script;
};

// The answers of a machine with Linux's rules. Run under "mainline".
static const struct slots_scenario slots_scenarios[] = {
    {"one CPU", "4-0 !A* !-0"},
    {"many CPUs", "4-0 !-0 4-1 !-1"},
    {"one task on all CPUs", "4A* !A* !A0 !-0 ~A* -0"},
    {"two tasks on all CPUs", "4A* 4B* !A* !B* !A0 !B0 !-0 ~A* !-0"},
    {"one task on one CPU", "4A0 !A* !A0 !-0 ~A0 -0"},
    {"one task, mixed", "A0 3A* !A* !A0 !-0 ~A0 ~A* 2-0 !-0"},
    {"two tasks on one CPU", "4A0 4B0 !A* !B* !A0 !B0 !-0 4-1"},
    {"two tasks, on one CPU and on all", "4A0 4B* !A* !B* !A0 !B0 !-0 !-1"},
    {"one task, on all CPUs and one",
     "2A* A0 A* !A* !A0 !-0 -1 !-1 ~A0 !A* ~-1 A* !A* !A0 !-0 !-1"},
};

struct slots_world {
    struct slot_table table;
    struct slot_task task[2];
};

static void slots_world_init(struct slots_world *w, enum slot_rules rules)
{
    *w = (struct slots_world){0};
    slots_init(&w->table, rules, 2);
}

// Runs a script; returns how many requests without "!" were refused. A refusal must change nothing.
static int slots_script(struct slots_world *w, const char *s)
{
    static struct slots_world before;
    int refused = 0;

    while (*s) {
        int times = *s >= '0' && *s <= '9' ? *s++ - '0' : 1;
        char verb = *s == '!' || *s == '~' ? *s++ : '+';
        struct slot_request r = {.pinned = true, .cpu = s[1] == '*' ? -1 : s[1] - '0'};
        r.task = *s == '-' ? NULL : &w->task[*s - 'A'];
        s += 2;
        if (*s == 'f') {
            r.pinned = false;
            s++;
        }
        for (; times > 0; times--) {
            before = *w;
            if (verb == '~') {
                slots_release(&w->table, &r);
                continue;
            }
            int err = slots_reserve(&w->table, &r, NULL);
            if (verb == '!')
                EXPECT_EQ(err, SLOTS_ENOSPC);
            else if (err)
                refused++;
            if (err)
                EXPECT(!__builtin_memcmp(&before.table, &w->table, sizeof(w->table)));
        }
        while (*s == ' ')
            s++;
    }
    return refused;
}

// Every row of the table under one rule set.
static void slots_check_rows(enum slot_rules rules)
{
    static struct slots_world w;

    for (size_t i = 0; i < ARRAY_SIZE(slots_rows); i++) {
        const struct slots_row *row = &slots_rows[i];
        slots_world_init(&w, rules);
        bool built = slots_script(&w, row->held) == 0;
        int refused = built ? slots_script(&w, row->asked) : IMPOSSIBLE;
        if (refused != row->refused[rules])
            ktest_fail(__FILE__, __LINE__, "%s: held \"%s\", asked \"%s\": %d refused, want %d",
                       slots_name(rules), row->held, row->asked, refused, row->refused[rules]);
    }
}

static void slots_check_scenarios(void)
{
    static struct slots_world w;

    for (size_t i = 0; i < ARRAY_SIZE(slots_scenarios); i++) {
        const struct slots_scenario *c = &slots_scenarios[i];
        slots_world_init(&w, SLOTS_MAINLINE);
        if (slots_script(&w, c->script) != 0)
            ktest_fail(__FILE__, __LINE__, "%s: refused in \"%s\"", c->name, c->script);
    }
}

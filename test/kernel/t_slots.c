// The rule engine inside the kernel: the worked table under each rule set, and the admission
// scenarios. The host's test (test/host/t_slots.c) goes on from here to exhaustive walks.
#include "test/kernel/ktest.h"
#include "test/slots_table.h"

KTEST(slots_rows, "rules-table", NULL)
{
    for (enum slot_rules rules = SLOTS_2009; rules <= SLOTS_MAINLINE; rules++)
        slots_check_rows(rules);
}

KTEST(slots_scenarios, "rules-scenarios", NULL)
{
    slots_check_scenarios();
}

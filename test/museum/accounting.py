# Which breakpoints may exist: the slots.
from museum.entry import Entry

ENTRIES = [
    Entry("one-slot-lost", 2009,
          "Four registers, and the fourth breakpoint was refused: the comparison with the limit "
          "was off by one.",
          [("hwbp/slots.c", "slots_reserve", "sum(&load) > SLOTS_PER_CPU",
            "sum(&load) >= SLOTS_PER_CPU")],
          "rules-table"),
    Entry("slot-of-a-refused-request", 2009,
          "A slot was reserved, then the request turned out to be invalid, and the slot stayed "
          "reserved. Four wrong requests, and there was no breakpoint left.",
          [("hwbp/pmu.c", "bp_event_init", "        claim_release(claim);", "        ;")],
          "bp-full-says-enospc-first"),
    Entry("somebody-elses-maximum", 2009,
          "A task's request was measured against the task that holds most, though that one never "
          "runs at the same time. Requests were refused for which there was room.",
          [("hwbp/slots.c", "load_exact", "l.by_task = own_pinned(r->task, cpu);",
            "l.by_task = slots_max_task(c);")],
          "rules-table", rules="exact"),
    Entry("modify-gives-the-slot-up", 2009,
          "To change a breakpoint it was unregistered and registered anew. In between somebody "
          "else could take its slot.",
          [("hwbp/api.c", "hwbp_modify", "    if (!err)\n",
            "    struct bp_claim anew = *bp_of(event)->claim;\n"
            "    if (!err && !(err = claim_reserve(&anew, false)))\n"
            "        claim_release(&anew);\n    if (!err)\n")],
          "bp-modify-in-place"),
    Entry("one-cpu-only", 2010,
          "A breakpoint of a task that may run anywhere takes a register on each CPU. It was "
          "counted on one.",
          [("hwbp/slots.c", "count", "cpu < end_cpu(t, r)", "cpu < first_cpu(r) + 1")],
          "admission-scenarios"),
    Entry("debugger-waits-for-the-mutex", 2010,
          "The kernel's debugger took the mutex of the slots while everything was stopped. If the "
          "holder was stopped, too, the machine stood still.",
          [("debug/kgdb/stopped.c", "claims_are_free",
            "return !claims.mutex.holder && !claims.mutex.queue.lock.locked;", "return true;")],
          "slots-busy"),
    Entry("tables-made-too-late", 2010,
          "Breakpoints could be made before the tables of the slots had been set up.",
          [("kernel/main.c", "kernel_main",
            "    hwbp_slots_init(); // which breakpoints may exist\n",
            "    if (false)\n        hwbp_slots_init();\n")],
          "bp-write"),
    Entry("which-cpu-is-meant", 2013,
          "A task's breakpoint that is for one CPU was not counted in the need of this CPU. "
          "More were granted than there are registers.",
          [("hwbp/slots.c", "own_pinned", "task->every_pinned + task->cpu_pinned[cpu]",
            "task->every_pinned")],
          "admission-scenarios"),
    Entry("cpus-that-are-away", 2013,
          "A breakpoint for all CPUs was made for those that were online. A CPU that came back "
          "later had none.",
          [("hwbp/api.c", "create_events", "        struct perf_request r = {",
            "        if (!cpu_is_online(cpu))\n            continue;\n"
            "        struct perf_request r = {"),
           ("hwbp/api.c", None, '#include "hwbp/reserve.h"\n',
            '#include "hwbp/reserve.h"\n#include "arch/x86/smp.h"\n')],
          "hotplug-wide"),
    Entry("half-a-change", 2018,
          "A change was refused, but its first half had been written into the event already.",
          [("hwbp/api.c", "hwbp_modify", "    if (!err)\n",
            "    event->attr.bp_len = bp_len;\n    if (!err)\n")],
          "bp-modify-in-place"),
    Entry("refused-and-switched-off", 2018,
          "A refused change left the old breakpoint switched off, and its owner believed it on. "
          "With it, any program could crash the kernel (CVE-2018-1000199).",
          [("hwbp/api.c", "hwbp_modify", "    if (!err)\n",
            "    if (err)\n        perf_event_disable(event);\n    if (!err)\n")],
          "bp-modify-in-place"),
    Entry("too-much-may-change", 2018,
          "The call that changes a breakpoint's address took any other attribute with it, without "
          "the checks that an open makes.",
          [("linux/perf/file.c", "modify", "if (!rest_is_equal(&event->attr, &attr))",
            "if (false && !rest_is_equal(&event->attr, &attr))")],
          "modify-full"),
    Entry("copies-stay-as-they-were", 2021,
          "A change reached the event that was opened, and not the copies that children had "
          "inherited.",
          [("linux/perf/file.c", "modify", "perf_family_run(event, modify_here, &attr);",
            "perf_ctx_run(event, modify_here, &attr);")],
          "inherit-modify-close"),
    Entry("target-gone-before-its-slot", 2022,
          "When an open failed late, the event's task was given back before its slot, though the "
          "slot is kept with the task.",
          [("perf/event.c", "perf_event_free",
            "    event->pmu->destroy(event);\n    perf_event_unalloc(event);",
            "    const struct pmu *pmu = event->pmu;\n    perf_event_unalloc(event);\n"
            "    pmu->destroy(event);")],
          "group-errors"),
    Entry("which-error-it-was", 2025,
          "What this hardware cannot do at all was answered with EINVAL, as if the request were "
          "malformed.",
          [("hwbp/validate.c", "parse_data", "-EOPNOTSUPP", "-EINVAL")],
          "bp-errors"),
]

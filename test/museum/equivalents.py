# Faults that no test can see, because the kernel does the same with them, and why.
#
# An entry: the file, the function, the line as it stands in the source (without its indentation),
# the line with the fault, and the reason. If the line is no longer in the source, the entry is
# useless: the case "museum" of `make test` says so.
import re

from labs import lab

ENTRIES = [
    ("perf/remote.c", "perf_ctx_run_all", "for (u32 cpu = 0; cpu < nr_cpus; cpu++)",
     "for (u32 cpu = 1; cpu < nr_cpus; cpu++)", "CPU 0 is always online: it answers the call"),
    ("perf/queue.c", "need_of_group", "return MIN(need, perf_registers->nr + 1);",
     "return MIN(need, perf_registers->nr + 2);", "groups that need too many wait in vain"),
    ("perf/place.c", "perf_place", "if (!perf_somebody_waits())", "if (false)",
     "no group is found, and no caller looks at the result"),
    ("perf/place.c", "with_queue", "if (ctx && perf_filled_here(ctx) & BIT(queue))",
     "if (ctx && perf_filled_here(ctx) | BIT(queue))", "with_row() looks itself"),
    ("perf/event.c", "perf_event_alloc",
     "event->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);",
     "event->id = __atomic_add_fetch(&last_id, 2, __ATOMIC_RELAXED);",
     "the numbers are unique all the same"),
    ("perf/remote.c", "change_here", "if (likely(alone && !perf_somebody_waits())) {",
     "if (false) {", "the general way does the same for one event, with more work"),
    ("perf/switch.c", "perf_ctx_in", "if (ctx->last_cpu != cpu_id())",
     "if (true || ctx->last_cpu != cpu_id())", "perf_place() looks once more, and finds no group"),
    ("perf/event.c", "perf_event_create",
     "bool away = r->cpu >= 0 && !r->wait_for_cpu && !cpu_is_online(r->cpu);",
     "bool away = r->cpu >= 1 && !r->wait_for_cpu && !cpu_is_online(r->cpu);",
     "CPU 0 is always online"),
    ("perf/queue.c", "perf_next_turn", "if (!(perf_filled_here(ctx) & queues))",
     "if (!(perf_filled_here(ctx) | queues))", "it spares the look at queues that are empty"),
    ("perf/queue.c", "perf_next_turn", "if (!(perf_filled_here(ctx) & queues))", "if (false)",
     "it spares the look at queues that are empty"),
    ("perf/context.c", "update_times", "if (now <= event->tstamp)", "if (now < event->tstamp)",
     "no time has passed then, and 0 is added"),
    ("perf/context.c", "perf_set_state", "if (state == PERF_INACTIVE)",
     "if (true || state == PERF_INACTIVE)", "place_flexible() looks once more, and finds no group"),
    ("perf/context.c", "perf_set_state", "if (unlikely(event->nr_siblings)) // a leader's",
     "if (true || unlikely(event->nr_siblings)) // a leader's", "the list of siblings is empty"),
    ("perf/place.c", "make_way_for_pinned",
     "if (!cpu_waits && !(task && perf_filled_here(task) & BIT(QUEUE_PINNED)))",
     "if (!cpu_waits && !(task && perf_filled_here(task) | BIT(QUEUE_PINNED)))",
     "a group that makes way keeps its turn, and comes back at the same moment"),
    ("perf/place.c", "place_flexible", "if (!ctx->waits)", "if (false)",
     "it spares the look at queues that are empty"),
    ("perf/place.c", "perf_place_alone", "if (!placed || !leader->attr.pinned)",
     "if (true || !placed || !leader->attr.pinned)",
     "a pinned event with a place belongs in no queue, and is in none"),
    ("perf/switch.c", "settle", "if (perf_somebody_waits()) {",
     "if (true || perf_somebody_waits()) {", "both calls look themselves"),
    ("perf/switch.c", "perf_tick", "if (!perf_somebody_waits())", "if (false)",
     "perf_turn() looks itself"),
    ("perf/place.c", "out_of_registers", "for (u32 n = 0; n < perf_registers->nr; n++) {",
     "for (u32 n = 0; n <= perf_registers->nr; n++) {",
     "no event is in a register that is not there"),
    ("perf/switch.c", "perf_ctx_disband", "for (u32 n = 0; n < perf_registers->nr; n++) {",
     "for (u32 n = 0; n <= perf_registers->nr; n++) {",
     "no event is in a register that is not there"),
    ("arch/x86/debugreg.c", "dr_db_enter",
     "if (unlikely(hits->dr6 & ((hits->dr6 - 1) | d->live.crowded)))",
     "if (unlikely(hits->dr6 & ((hits->dr6 - 2) | d->live.crowded)))",
     "for DR0 alone it calls correct_hits(), and that changes nothing"),
    ("arch/x86/debugreg.c", "share_word",
     "return a->owner && b->owner && (a->addr ^ b->addr) < 8;",
     "return a->owner && b->owner && (a->addr ^ b->addr) <= 8;",
     "dr_implies() decides: one more pair is compared"),
    ("arch/x86/debugreg.c", "order_nested",
     "image->crowded = 0;", ";",
     "a register that is not crowded costs a longer way, which changes nothing"),
    ("arch/x86/debugreg.c", "order_nested",
     "d->unordered = false;", "d->unordered = true;", "what is in order is put in order again"),
    ("arch/x86/debugreg.c", "order_nested",
     "for (int lo = 0; lo < HBP_NUM; lo++) {", "for (int lo = 0; lo <= HBP_NUM; lo++) {",
     "no register is above the last"),
    ("arch/x86/debugreg.c", "write_out",
     "if (unlikely(d->unordered))", "if (true || unlikely(d->unordered))",
     "what is in order is put in order again"),
    ("arch/x86/debugreg.c", "expect_more",
     "d->want.crowded = 0;", "d->want.crowded = 1;",
     "a register that is not crowded costs a longer way, which changes nothing"),
    ("arch/x86/debugreg.c", "add_implied",
     "for (int i = 0; i < HBP_NUM; i++)", "for (int i = 0; i <= HBP_NUM; i++)",
     "no register above the last is reported"),
    ("arch/x86/debugreg.c", "add_implied",
     "for (int j = 0; (reported & BIT(i)) && j < HBP_NUM; j++)",
     "for (int j = 1; (reported & BIT(i)) && j < HBP_NUM; j++)",
     "QEMU reports the first: only later ones are missing"),
    ("arch/x86/debugreg.c", "correct_hits",
     "if (hits->slots & d->live.crowded)", "if (true || hits->slots & d->live.crowded)",
     "none is implied by a register that is not crowded"),
    ("arch/x86/debugreg.c", "dr_db_enter",
     "if (unlikely(hits->dr6 & ((hits->dr6 - 1) | d->live.crowded)))",
     "if (true || unlikely(hits->dr6 & ((hits->dr6 - 1) | d->live.crowded)))",
     "correct_hits() changes nothing for a single plain cause"),
    ("linux/ptrace/debugreg.c", "set",
     "} else if (bp_of(event)->addr != addr || bp_of(event)->type != type ||",
     "} else if (true || bp_of(event)->addr != addr || bp_of(event)->type != type ||",
     "a change to what it is changes nothing"),
    ("arch/x86/debugreg.c", "choose",
     "for_each_bit (i, held & (held - 1) ? held : 0) { // one of several",
     "for_each_bit (i, held & (held - 2) ? held : 0) { // one of several",
     "differs when DR0 is the only one: then the loop finds what `best` is"),
    ("arch/x86/debugreg.c", "choose",
     "for_each_bit (i, held & (held - 1) ? held : 0) { // one of several",
     "for_each_bit (i, held & (held - 0) ? held : 0) { // one of several",
     "differs when there is one: then the loop finds what `best` is"),
    ("perf/remote.c", "perf_ctx_start",
     "if (ctx->task && __atomic_load_n(&ctx->active_cpu, __ATOMIC_RELAXED) < 0 &&",
     "if (ctx->task && __atomic_load_n(&ctx->active_cpu, __ATOMIC_RELAXED) < 1 &&",
     "start_here() looks itself whether the context runs"),
    ("perf/remote.c", "perf_ctx_start",
     "if (ctx->task && __atomic_load_n(&ctx->active_cpu, __ATOMIC_RELAXED) < 0 &&",
     "if (ctx->task && __atomic_load_n(&ctx->active_cpu, __ATOMIC_RELAXED) <= 0 &&",
     "start_here() looks itself whether the context runs"),
    ("arch/x86/debugreg.c", "order_nested",
     "for (int hi = lo + 1; image->used >> lo > 1 && hi < HBP_NUM; hi++) {",
     "for (int hi = lo + 0; image->used >> lo > 1 && hi < HBP_NUM; hi++) {",
     "a slot shares a word with itself then: #DB only looks more closely"),
    ("arch/x86/debugreg.c", "order_nested", "if (exchanged) {", "if (true || exchanged) {",
     "in the old order the slots encode to the DR7 that they have, and nothing is written"),
    ("sched/core.c", "sched_kick", "if (cpu != cpu_id())", "if (true || cpu != cpu_id())",
     "an interrupt to the own CPU: its end makes the switch that is due anyway"),
    ("sched/core.c", "switch_tasks", "if (next->mm != prev->mm)",
     "if (true || next->mm != prev->mm)", "it loads the tables that are loaded: only slower"),
    ("sched/core.c", "allow_preemption", "if (kicks_due())", "if (true || kicks_due())",
     "without kicks there is no CPU to send an interrupt to"),
    ("sched/core.c", "preempt_due", "if (kicks_due())", "if (true || kicks_due())",
     "without kicks there is no CPU to send an interrupt to"),
    ("sched/core.c", "preempt_due", "if (preempt_count())", "if (false)",
     "only kicks go out earlier: sched_irq_exit() asks for the count, too"),
    ("sched/core.c", "sched_total_switches", "for (u32 i = 0; i < nr_cpus; i++)",
     "for (u32 i = 0; i <= nr_cpus; i++)", "a CPU that is not there has switched 0 times"),
    ("sched/wake.c", "busiest", "for (u32 i = 0; i < nr_cpus; i++)",
     "for (u32 i = 0; i <= nr_cpus; i++)", "a CPU that is not there has no load"),
    ("sched/wake.c", "busiest", "if (!(tried & BIT(i)) && rq_load(&runqueues[i]) > rq_load(best))",
     "if (!(tried & BIT(i)) && rq_load(&runqueues[i]) >= rq_load(best))",
     "it takes the last of the equally busy CPUs"),
    ("sched/wake.c", "choose_cpu", "if (allowed == BIT(last))", "if (false)",
     "it spares a look at the loads: the loop finds the only CPU, too"),
    ("sched/wake.c", "sched_wake_from", "cpu_pause();", ";", "only a hint to the CPU"),
    ("sched/wake.c", "sched_wake_from",
     "if (owed && !__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE)) {", "if (false) {",
     "the other branch does the same, but locks the queue twice"),
    ("sched/task.c", "task_new", "t->state = TASK_NEW;", ";",
     "it is 0, as all memory from kalloc()"),
    ("sched/wait.c", "try_take", "if (!is_free && (mark != MUTEX_SHARE || (s64)seen < 0))",
     "if (!is_free && (mark != MUTEX_SHARE || (s64)seen <= 0))",
     "`seen` is not 0: MUTEX_WAITED is set by then"),
    ("sched/task.c", "task_for_each", "if (list_empty(&task_lists[i]))", "if (false)",
     "it spares the lock: an empty list has no task to visit"),
    ("sched/task.c", "task_for_each", "continue;", ";",
     "it spares the lock: an empty list has no task to visit"),
    ("debug/ksym/trace.c", "oldest",
     "(best == nr_cpus || slot(cpu, at[cpu].next)->time < slot(best, at[best].next)->time))",
     "(best == nr_cpus || slot(cpu, at[cpu].next)->time <= slot(best, at[best].next)->time))",
     "of two accesses in the same ns, either may be the first"),
    ("debug/ksym/trace.c", "ksym_trace_show", "for (u32 cpu = 0; cpu < nr_cpus; cpu++) {",
     "for (u32 cpu = 0; cpu <= nr_cpus; cpu++) {",
     "a CPU that is not there has recorded nothing"),
    ("debug/ksym/trace.c", "ksym_trace_clear", "for (u32 cpu = 0; cpu < nr_cpus; cpu++)",
     "for (u32 cpu = 0; cpu <= nr_cpus; cpu++)", "a CPU that is not there has recorded nothing"),
    ("hwbp/api.c", "release_events", "for (u32 cpu = 0; cpu < nr_cpus; cpu++)",
     "for (u32 cpu = 0; cpu <= nr_cpus; cpu++)", "a CPU that is not there has no event"),
    ("linux/ptrace/debugreg.c", "hit", "for (int n = 0; n < HBP_NUM; n++)",
     "for (int n = 0; n <= HBP_NUM; n++)",
     "after the four comes an address of the program, no event"),
]

# Declarations of local texts with room to spare: one byte more or less changes nothing.
ROOMY = [
    ("hwbp/reserve.c", "hwbp_slots_init", 'char name[16] = "2009";'),
    ("hwbp/reserve.c", "remember_refusal", "char *line = claims.refusals[claims.nr_refusals++ "
                                           '% REFUSALS], who[24] = "no task";'),
    ("hwbp/reserve.c", "remember_full", 'char words[96] = "ENOSPC ", rules[24];'),
    ("hwbp/reserve.c", "remember_invalid", "char what[72], request[72];"),
]


def without_sizes(line):
    return re.sub(r"\[\d+\]", "[]", line)


def lines(fault, text):
    first, last = text.rfind("\n", 0, fault.start) + 1, text.find("\n", fault.end)
    old = text[first:last]
    new = text[first:fault.start] + fault.new + text[fault.end:last]
    return old.strip(), new.strip()


def reason(fault, text):
    """Why nobody can see the fault; "" if there is no reason."""
    old, new = lines(fault, text)
    for path, function, is_now, becomes, why in ENTRIES:
        if (path, function, is_now, becomes) == (fault.path, fault.function, old, new):
            return why
    if (fault.path, fault.function, old) in ROOMY and without_sizes(old) == without_sizes(new):
        return "no text is as long as that"
    return ""


def stale():
    """Entries that fit nothing any more."""
    wrong = []
    for path, function, is_now in ROOMY + [entry[:3] for entry in ENTRIES]:
        with open(f"{lab.ROOT}/{path}", encoding="utf-8") as f:
            if is_now not in f.read():
                wrong.append(f"{path} {function}: no line says {is_now!r}")
    return wrong

// The local APIC's timer (SDM vol. 3, 11.5.4). It is periodic, a tick each time, as long as nobody
// asks for more. An interrupt between two ticks makes it one-shot: then each interrupt starts it
// for the next. Ticks stay where they would have been. The first tick before which nobody has asked
// again makes it periodic.

#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/trap.h"

// The two clocks were measured one against the other, so the timer may be a little early. What is
// so near is due.
#define NEAR_NS 10000

static struct lapic_timer {
    u64 period;    // ns from tick to tick; 0: it is off
    u64 next_tick; // ns of clock_ns(); 0: it is periodic
    u64 end;       // when it will interrupt, if it is one-shot
    bool wanted;   // somebody has asked since the last tick
} timers[MAX_CPUS];

static void timer_set(u32 entry, u32 count)
{
    lapic_write(LAPIC_TIMER_DIVIDE, TIMER_DIVIDE_16);
    lapic_write(LAPIC_LVT_TIMER, entry);
    lapic_write(LAPIC_TIMER_INITIAL, count);
}

void lapic_timer_free_run(void)
{
    timer_set(LVT_MASKED, ~0u);
}

u32 lapic_timer_count(void)
{
    return lapic_read(LAPIC_TIMER_CURRENT);
}

static void tick_alone(struct lapic_timer *t)
{
    t->next_tick = 0;
    timer_set(LVT_PERIODIC | IRQ_TIMER, MAX(t->period * lapic_timer_hz / NS_PER_SEC, 1));
}

void lapic_timer_start(u32 hz)
{
    struct lapic_timer *t = &timers[cpu_id()];
    t->period = NS_PER_SEC / hz;
    tick_alone(t);
}

void lapic_timer_stop(void)
{
    timers[cpu_id()] = (struct lapic_timer){0};
    timer_set(LVT_MASKED, 0);
}

// ---- between ticks ----

static void end_at(struct lapic_timer *t, u64 at, u64 now)
{
    u64 ns = at > now ? at - now : 0;
    t->end = at;
    lapic_write(LAPIC_TIMER_INITIAL, ns * lapic_timer_hz / NS_PER_SEC + 1);
}

// The count is read before the request register. So a tick that comes in between is seen in one of
// them.
static void leave_periodic(struct lapic_timer *t, u64 now)
{
    u64 left = lapic_timer_count() * NS_PER_SEC / lapic_timer_hz;
    bool waits = lapic_read(LAPIC_IRR + IRQ_TIMER / 32 * 0x10) & 1u << IRQ_TIMER % 32;
    t->next_tick = now + (waits ? 0 : left);
    timer_set(IRQ_TIMER, 0);
    end_at(t, t->next_tick, now);
}

void lapic_timer_sooner(u64 at)
{
    struct lapic_timer *t = &timers[cpu_id()];
    u64 now = clock_ns();
    if (at >= now + t->period)
        return;
    if (!t->next_tick)
        leave_periodic(t, now);
    t->wanted = true;
    if (at < t->end)
        end_at(t, at, now);
}

bool lapic_timer_ticked(void)
{
    struct lapic_timer *t = &timers[cpu_id()];
    if (likely(!t->next_tick))
        return true;
    u64 now = clock_ns();
    bool due = now + NEAR_NS >= t->next_tick;
    if (due && !t->wanted) {
        tick_alone(t);
        return true;
    }
    if (due) {
        t->wanted = false;
        t->next_tick += t->period; // ticks that were missed are not made up for
        if (t->next_tick <= now)
            t->next_tick += (now - t->next_tick) / t->period * t->period + t->period;
    }
    end_at(t, t->next_tick, now);
    return due;
}

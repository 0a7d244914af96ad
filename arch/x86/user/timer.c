// Interrupts of the local APIC's timer between two ticks (SDM vol. 3, 11.5.4). The timer is
// periodic, a tick each time, as long as nobody asks for more. An interrupt between two ticks makes
// it one-shot: then each interrupt starts it for the next. Ticks stay where they would have been.
// The first tick before which nobody has asked again makes it periodic.

#include "arch/x86/apic_regs.h"
#include "arch/x86/cpu.h"
#include "arch/x86/platform.h"
#include "arch/x86/upcalls.h"
#include "arch/x86/user/devices.h"

// The two clocks were measured one against the other, so the timer may be a little early. What is
// so near is due.
#define NEAR_NS 10000

#define LAPIC_IRR 0x200 // bit n % 32 of register n / 32: vector n waits

static struct one_shot {
    u64 next_tick; // ns of clock_ns(); 0: the timer is periodic
    u64 end;       // when it will interrupt, if it is one-shot
    bool wanted;   // somebody has asked since the last tick
} timers[MAX_CPUS];

void lapic_timer_stop(void)
{
    timers[cpu_id()] = (struct one_shot){0};
    lapic_tick_ns[cpu_id()] = 0;
    lapic_timer_set(LVT_MASKED, 0);
}

static void end_at(struct one_shot *t, u64 at, u64 now)
{
    u64 ns = at > now ? at - now : 0;
    t->end = at;
    lapic_write(LAPIC_TIMER_INITIAL, ns * lapic_timer_hz / NS_PER_SEC + 1);
}

// The count is read before the request register. So a tick that comes in between is seen in one of
// them.
static void leave_periodic(struct one_shot *t, u64 now)
{
    u64 left = lapic_read(LAPIC_TIMER_CURRENT) * NS_PER_SEC / lapic_timer_hz;
    bool waits = lapic_read(LAPIC_IRR + IRQ_TIMER / 32 * 0x10) & 1u << IRQ_TIMER % 32;
    t->next_tick = now + (waits ? 0 : left);
    lapic_timer_set(IRQ_TIMER, 0);
    end_at(t, t->next_tick, now);
}

void lapic_timer_sooner(u64 at)
{
    struct one_shot *t = &timers[cpu_id()];
    u64 now = clock_ns();
    if (at >= now + lapic_tick_ns[cpu_id()])
        return;
    if (!t->next_tick)
        leave_periodic(t, now);
    t->wanted = true;
    if (at < t->end)
        end_at(t, at, now);
}

bool timer_is_tick(void)
{
    struct one_shot *t = &timers[cpu_id()];
    if (likely(!t->next_tick))
        return true;
    u64 now = clock_ns(), period = lapic_tick_ns[cpu_id()];
    bool due = now + NEAR_NS >= t->next_tick;
    if (due && !t->wanted) {
        t->next_tick = 0;
        lapic_timer_start(NS_PER_SEC / period);
        return true;
    }
    if (due) {
        t->wanted = false;
        t->next_tick += period; // ticks that were missed are not made up for
        if (t->next_tick <= now)
            t->next_tick += (now - t->next_tick) / period * period + period;
    }
    end_at(t, t->next_tick, now);
    return due;
}

# Translates the trace of the core (kernel/core/trace.c), which consists of numbers, to the text of
# the whole kernel (linux/sched/trace.c).
import bisect

NAMES = {  # enum trace_kind, sched/trace.h
    1: "sched_switch: prev_pid={a} next_pid={tid} next_comm={name}",
    2: "sched_migrate_task: pid={tid} orig_cpu={a} dest_cpu={cpu}",
    3: "sched_wakeup: pid={tid} target_cpu={a}",
    4: "bp_install: reg={slot} id={b} addr={a:#x} len={len} type={type} pid={tid} {kept}{at}",
    5: "bp_evict: reg={slot} id={b}",
    6: "bp_writes: n={a} dr7={b:#x}",
    7: "bp_hit: reg={slot} id={b} ip={a:#x}{at}",
    8: "bp_refused: pid={tid} why={why}",
    9: "bp_turn:",
}
PINNED = 0x100  # a flag of an install
KERNEL_BASE = 0xffffffff80000000


class Symbols:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            pairs = [line.split() for line in f]
        self.starts = [int(address, 16) for address, _ in pairs]
        self.names = [name for _, name in pairs]

    def at(self, address):
        """" at=SYMBOL+0x12", or nothing."""
        n = bisect.bisect_right(self.starts, address) - 1
        if address < KERNEL_BASE or n < 0:
            return ""
        return f" at={self.names[n]}+{address - self.starts[n]:#x}"


def in_words(lines, symbols):
    for line in lines:
        words = line.split(" ", 8)
        if len(words) < 9:
            yield line  # "lost: 0"
            continue
        ns, cpu, kind, slot, info, tid, a, b = map(int, words[:8])
        name = b.to_bytes(8, "little").split(b"\0")[0].decode(errors="replace") if kind == 1 else ""
        what = NAMES[kind].format(
            cpu=cpu, slot=slot, tid=tid, a=a, b=b, name=name, why=words[8], at=symbols.at(a),
            len=info >> 4 & 15, type=info & 15, kept="pinned" if info & PINNED else "flexible")
        yield f"[{cpu:03}] {ns // 10**9}.{ns % 10**9:09}: {what}"

# Commands for gdb that know dr7's structures: `dr7` lists them. make gdb and make kgdb load this
# file. They read memory only, so the machine must be stopped, and they take no lock.
import os
import signal

import gdb

TYPES = {0: "x", 1: "w", 3: "rw"}  # enum dr_type
REGISTERS = 4
MAX_FRAMES = 40
HELP = {
    "regs": "DR0-DR3 and DR7 of each CPU, and whose event sits there",
    "tasks": "all tasks",
    "events": "the events of every task and CPU (dr7 events TID: of one task)",
    "slots": "what the slot rules count, by CPU",
    "locks": "the locks that somebody holds",
    "bt": "dr7 bt TID: where a task that does not run was switched out",
}


def value(expression):
    return gdb.parse_and_eval(expression)


def items(head, type_name, field):
    """The structures in a list, which `field` links. None before the list is made."""
    kind = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == field)
    node = head["next"]
    while not is_null(node) and node != head.address:
        yield (node.cast(gdb.lookup_type("unsigned long")) - offset).cast(kind.pointer())
        node = node["next"]


def is_null(pointer):
    return int(pointer) == 0


def text(chars):
    return chars.string(errors="replace")


def whose(task):
    return "no task" if is_null(task) else f"{text(task['comm'])} ({int(task['tid'])})"


def place(address):
    """Symbol, file and line of the call before a return address."""
    address = (int(address) & (1 << 64) - 1) - 1
    symbol = gdb.execute(f"info symbol {address}", to_string=True).split(" in section")[0].strip()
    line = gdb.find_pc_line(address)
    where = f" at {line.symtab.filename}:{line.line}" if line.symtab else ""
    return f"{address + 1:#018x} {symbol.replace(' ', '')}{where}"


def tasks():
    """All tasks, by tid. They are in a hash table of lists."""
    lists = value("task_lists")
    found = [t for n in range(lists.type.range()[1] + 1)
             for t in items(lists[n], "struct task", "tid_node")]
    return sorted(found, key=lambda t: int(t["tid"]))


def cpus():
    """Number and struct cpu of each CPU that is online."""
    every, online = value("cpus"), int(value("sched_online"))
    for cpu in range(online.bit_length()):
        if online >> cpu & 1:
            yield cpu, every[cpu]


def events(ctx):
    """The leaders and siblings of a context."""
    for name in ("pinned", "flexible"):
        for leader in items(ctx[name], "struct perf_event", "node"):
            yield name, leader
            for sibling in items(leader["siblings"], "struct perf_event", "node"):
                yield name, sibling


def show_regs(_):
    event_type = gdb.lookup_type("struct perf_event").pointer()
    for cpu, c in cpus():
        dr = c["dr"]
        print(f"CPU {cpu}: DR7 {int(dr['live_dr7']):#x}" + " (lent to a guest)" * bool(dr["lent"]))
        for n in range(REGISTERS):
            if not int(dr["live"]["used"]) >> n & 1:
                print(f"  DR{n} {int(dr['live_addr'][n]):#018x} free")
                continue
            slot = dr["live"]["slot"][n]
            event = slot["owner"].cast(event_type)
            print(f"  DR{n} {int(slot['addr']):#018x} {TYPES[int(slot['type'])]:2} "
                  f"{int(slot['len'])}  event {int(event['id'])} of {whose(event['target'])}, "
                  f"{int(event['count'])} hits")


def show_tasks(_):
    print(" TID  CPU state         switches name")
    for t in tasks():
        state = str(t["state"]).replace("TASK_", "").lower() + " *" * bool(t["on_cpu"])
        print(f"{int(t['tid']):4} {int(t['cpu']):4} {state:13} {int(t['nr_switches']):8} "
              + text(t["comm"]))
    print("*: it runs")


def show_events(tid):
    owners = [(whose(t), t["perf_ctx"]) for t in tasks()
              if not is_null(t["perf_ctx"]) and tid in ("", str(int(t["tid"])))]
    if not tid:
        owners += [(f"CPU {cpu}", value("perf_cpus")[cpu]["ctx"].address) for cpu, _ in cpus()]
    for name, ctx in owners:
        for kind, event in events(ctx):
            attr, state = event["attr"], str(event["state"]).replace("PERF_", "").lower()
            state += ", parked" * bool(ctx["parked"])
            where = (f" at {int(attr['bp_addr']):#x}, {int(attr['bp_len'])} bytes"
                     if int(attr["type"]) == 5 else "")  # PERF_TYPE_BREAKPOINT
            print(f"{name}: event {int(event['id'])}, {kind}, {state}, type {int(attr['type'])}"
                  f"{where}, count {int(event['count'])}")


def show_slots(_):
    table = value("claims")["table"]
    print(f"rules {table['rules']}, {int(table['live'])} breakpoints")
    print("CPU  pinned of no task  flexible  tasks that hold 1, 2, 3, 4 pinned ones")
    for cpu, _ in cpus():
        c = table["cpu"][cpu]
        held = [int(c["tasks"][0][n]) + int(c["tasks"][1][n]) for n in range(1, 5)]
        print(f"{cpu:3}  {int(c['cpu_pinned']):17}  {int(c['flexible']):8}  "
              + ", ".join(map(str, held)))


def locks():
    """Name and value of every lock that is a static variable, of the run queues, and of claims."""
    seen = set()
    for kind in ("struct spinlock", "struct mutex"):
        answer = gdb.execute(f"info variables -q -t ^{kind}$", to_string=True)
        for line in answer.splitlines():
            if line.endswith(";") and "[" not in line:
                seen.add(line.rstrip(";").split()[-1])
    for name in sorted(seen):
        yield name, value(name)
    for cpu, _ in cpus():
        yield f"runqueues[{cpu}].lock", value("runqueues")[cpu]["lock"]
    if gdb.lookup_global_symbol("claims"):
        yield "claims.mutex", value("claims")["mutex"]


def show_locks(_):
    held = 0
    for name, lock in locks():
        taken = int(lock["locked"] if lock.type.name == "spinlock" else lock["holder"])
        if not taken:
            continue
        held += 1
        if lock.type.name == "mutex":
            task = lock["holder"].cast(gdb.lookup_type("struct task").pointer())
            by = whose(task) if taken >> 63 else "tasks that share it"
        else:
            by = f"CPU {int(lock['holder']) - 1}" if int(lock["holder"]) else "somebody"
        print(f"{name} (rank {int(lock['rank'])}): {by}")
    print(f"{held} held")


def show_bt(tid):
    for t in tasks():
        if tid == str(int(t["tid"])):
            break
    else:
        raise gdb.GdbError(f"dr7 bt: no task has the number {tid}")
    if t["on_cpu"]:
        raise gdb.GdbError(f"it runs on CPU {int(t['cpu'])}: thread {int(t['cpu']) + 1}, then bt")
    word = gdb.lookup_type("unsigned long").pointer()
    stack = t["arch"]["rsp"].cast(word)  # r15, r14, r13, r12, rbx, rbp, return (switch.asm)
    rbp, ip, top = stack[5], stack[6], int(t["arch"]["stack_top"])
    for n in range(MAX_FRAMES):
        print(f"#{n:<2} {place(ip)}")
        if not int(stack) < int(rbp) < top:
            break
        ip, rbp = rbp.cast(word)[1], rbp.cast(word)[0]


class Dr7(gdb.Command):
    """Shows dr7's structures; `dr7` alone lists the commands."""

    def __init__(self):
        super().__init__("dr7", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        name, _, rest = argument.partition(" ")
        if name not in HELP:
            for command, what in HELP.items():
                print(f"dr7 {command:8} {what}")
            return
        globals()["show_" + name](rest.strip())

    def complete(self, said, word):
        return [name for name in HELP if name.startswith(word)]


class Kill(gdb.Command):
    """Switches the machine off."""

    def __init__(self):
        super().__init__("kill", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        # gdb's own `kill` prints an error if the emulator ends before gdb has acknowledged its
        # answer.
        gdb.execute("disconnect", to_string=True)
        os.kill(int(gdb.convenience_variable("machine")), signal.SIGKILL)
        print("[the machine is off]")


gdb.execute("set confirm off")
Dr7()
if gdb.convenience_variable("machine") is not None:  # set by make gdb and make kgdb
    Kill()

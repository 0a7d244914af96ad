# Debian's gdb on the kernel's own stub at the second serial port: a list of commands, and gdb's
# answer to each. test/kernel/t_kgdb.c runs in the kernel.
#
# gdb runs in batch mode with one -ex for each command; marks between them cut its output.
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass

import emu

MARK = "@@"
CPU1 = "/sys/devices/system/cpu/cpu1/online"
NEXT_ROUND = [("delete", ""), ("tbreak task_exit", ""), ("continue", "breakpoint .*task_exit")]
WAITS = b"# waits for kgdb_go"  # the kernel prints this when it waits for an interrupt


def visits(smp, what, answer, times=1):
    """`what` is hit `times` times on each CPU, by the thread of that CPU."""
    return NEXT_ROUND + [(what, "")] + [
        ("continue", rf'"visit/{cpu}" hit {answer}') for cpu in range(smp) for _ in range(times)]


def commands(smp):
    """(command, regular expression that its answer must match)"""
    last = smp - 1
    script = [("info registers rip", "<kgdb_"), ("break kgdb_visit", "Breakpoint 1 at")]
    for cpu in range(smp):  # round 0
        script += [("continue", rf'"visit/{cpu}" hit Breakpoint 1, kgdb_visit \(cpu={cpu}\)'),
                   ("info threads", rf'\n\* \S+ +Thread \d+ "visit/{cpu}" \(runs on CPU {cpu}\)')]
    script += [
        ("info threads", r'"main" \(waits( for a CPU)?, CPU \d+\) +0x\w+ in switch_tasks \('),
        ("backtrace", r"#0 +kgdb_visit \(.*\n#1 .* visit \(.*\n(.*\n)*.* sched_task_main "),
        ("frame 1", r"#1 .* visit \("),
        ("print kgdb_written", rf"= {last}\n"),
        ("tbreak kgdb_twice", "Temporary breakpoint"),
        ("continue", r"Temporary breakpoint \d+, kgdb_twice \(x="),
        ("stepi", "kgdb_twice|0x"),
        ("finish", r"(.*\n)*Value returned is \$\d+ = 2"),
        ("next", "kgdb_visit|visit"),
        ("step", "."),
        ("call kgdb_twice(21)", r"= 42\n"),  # it returns to the stack, which is not executable
    ]
    script += visits(smp, "hbreak kgdb_visit", "Breakpoint")  # round 1
    script += NEXT_ROUND + [("watch kgdb_written", "Hardware watchpoint")]  # round 2
    script += [("continue", rf'"visit/{cpu}" hit Hardware watchpoint \d+: kgdb_written\n\n'
                            rf'Old value = {2 * smp + cpu}\nNew value = {2 * smp + cpu + 1}\n')
               for cpu in range(smp)]
    script += [("info registers", r"(.*\n)*dr\d +0x\w+ +0x\w+ <kgdb_written>\n")]
    script += visits(smp, "rwatch kgdb_read", "Hardware read watchpoint")  # round 3
    script += visits(smp, "awatch kgdb_both", r"Hardware access \(read/write\) watchpoint",
                     times=2)  # round 4: a read and a write
    script += NEXT_ROUND + [  # round 5: no register for a fifth one
        ("watch kgdb_written", ""), ("rwatch kgdb_read", ""),
        ("hbreak kgdb_visit", ""), ("hbreak kgdb_twice", ""), ("watch kgdb_changed", ""),
        ("continue", "Could not insert hardware"),
        ("delete $bpnum", ""),
        ("continue", '"visit/0" hit Breakpoint'),
        ("continue", '"visit/0" hit Hardware watchpoint'),
        ("continue", '"visit/0" hit Hardware read watchpoint'),
        ("continue", '"visit/0" hit Breakpoint'),
        ("delete", ""),
        ("call kgdb_twice(4)", r"= 8\n"),  # the debug registers have changed at its end
        # Places where no breakpoint is allowed.
        ("break dr_db_enter", ""), ("continue", "Cannot insert breakpoint"), ("delete", ""),
        ("hbreak trap_debug", ""), ("continue", "Cannot insert hardware breakpoint"),
        ("delete", ""),
        ("watch cpus[0].dr.live_dr7", ""), ("continue", "Could not insert hardware watchpoint"),
        ("delete", ""),
        # Memory.
        ("print *(int *)0xffff000000000000", "Cannot access memory"),
        # Packets that are malformed, or ask for missing things, change nothing.
        *((f"maint packet {packet}", f'received: "{answer}"') for packet, answer in [
            ("vCont;", "E16"), ("vCont;x", "E16"), ("vCont;C", "E16"), ("vCont;s:9999", "E16"),
            ("H", "E03"), ("Hg9999", "E03"), ("T9999", "E03"), ("P0=x", "E16"), ("P0=12", "E16"),
            ("P29=00", "E16"), ("P99=00", "E16"), ("m0", "E16"), ("M0,1:0", "E16"), ("Z9,0,0", ""),
            ("z0,0,1", "E02"), ("z2,0,8", "E02"), ("Z2,1,2", "E16"), ("Z2,0,10", "E5f")]),
        ("x/i kgdb_visit", r"<kgdb_visit>:\s"),
        ("set variable kgdb_changed = 42", ""), ("print kgdb_changed", "= 42\n"),
        ("set variable kgdb_go = 0", ""),
        ("continue", "received signal SIGINT"),  # sent when the kernel says WAITS
        ("print kgdb_written", rf"= {9 * smp}\n"),
        ("info threads", rf'"idle/{last}"'),
        ("set variable kgdb_go = 1", ""),
        ("detach", "detached"),
    ]
    return script


@dataclass
class Scenario:
    """The machine's command line, gdb's commands, the kernel's output, and its status."""
    words: list
    script: object  # of (processors, the port's name): a list as from commands()
    console: list   # regular expressions, each for a line
    status: int


SCENARIOS = {
    "gdb": Scenario(["kgdbwait", "test=kgdb-target", "init=/bin/true"],
                    lambda smp, port: commands(smp),
                    ["# kgdb_changed is 42", "ok 1 kgdb-target", "dr7: init exited with status 0"],
                    0),
    # A panic stops for gdb first. It goes on as a panic after gdb's continue.
    "panic": Scenario(["kgdbwait", "crash=panic"], lambda smp, port: [
        ("continue", "received signal SIGTRAP"),
        ("backtrace", r"panic \(fmt=(.*\n)*.* in main_thread "),
        ("continue", "exited with code 052")], ["PANIC: crash=panic"], 0x2a),
    "fault": Scenario(["kgdbwait", "crash=null"], lambda smp, port: [
        ("continue", r"received signal SIGSEGV.*\n.*crash_if_asked"),
        ("continue", "exited with code 052")], ["PANIC: #PF in ring 0 at crash_if_asked"], 0x2a),
    # gdb connects before the kernel asks for it. Then it disconnects, and connects to a running
    # kernel.
    "command": Scenario(["kgdb", "init=/bin/kgdb"], lambda smp, port: [
        ("continue", "received signal SIGTRAP"),
        ("backtrace", r" gen_write \((.*\n)*.* syscall_dispatch \("),
        ("kill", "killed")], [], 1),
    "attach": Scenario(["kgdb", "init=/bin/sleep", "--", "100000"], lambda smp, port: [
        ("detach", "detached"),
        (f"target remote {port}", "cpu_idle_halt|schedule|sched_|main_thread|[a-z_]+ \\("),
        ("break sched_tick", ""), ("continue", "Breakpoint 1, sched_tick"),
        ("detach", "detached"),
        (f"target remote {port}", "[a-z_]+ \\("),
        ("kill", "killed")], [], 1),
    # A CPU that comes back has the breakpoints that were set while it was away.
    "offline": Scenario(
        ["kgdbwait", "init=/bin/sh", "--", "-c",
         f"echo 0 >{CPU1}; kgdb; echo 1 >{CPU1}"], lambda smp, port: [
            ("continue", "received signal SIGTRAP"),
            ("info threads", r'"idle/1" \(runs on CPU 1\)'),
            ("hbreak lapic_timer_start", ""),
            ("continue", '"idle/1" hit Breakpoint'),
            ("backtrace", "sched_rest"),
            ("delete", ""),
            ("continue", "exited normally")], ["dr7: init exited with status 0"], 0),
    "off": Scenario(["init=/bin/kgdb"], None, ['kgdb: not on: boot with "kgdb" or "kgdbwait"'], 1),
}


def answers(output):
    """gdb's answer to each command."""
    return re.split(rf"^{MARK} \d+\n", output, flags=re.M)[1:]


def check(output, script):
    """What is wrong with gdb's answers: a list of lines."""
    given, wrong = answers(output), []
    for number, (command, answer) in enumerate(script):
        said = given[number] if number < len(given) else ""
        if not re.search(answer, said):
            wrong.append(f"{command}: wanted {answer!r}, got {said!r}")
    return wrong


def start_gdb(elf, port, script, seconds):
    arguments = ["gdb", "-nx", "-q", "-batch", "-ex", "set pagination off",
                 "-ex", f"set remotetimeout {seconds}", "-ex", f"target remote {port}"]
    for number, (command, _) in enumerate(script):
        arguments += ["-ex", rf"echo {MARK} {number}\n", "-ex", command]
    return subprocess.Popen(arguments + [elf], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def converse(m, elf, port, script, seconds, sink=lambda data, gdb: None):
    """Returns gdb's whole output, and whether the machine went off by itself. Without a script gdb
    does not run. `sink` gets the console's output."""
    output, off = "", []
    gdb = start_gdb(elf, port, script, seconds) if script else None
    pump = threading.Thread(
        target=lambda: off.append(m.pump(lambda data: sink(data, gdb), seconds)))
    pump.start()
    if gdb:
        timer = threading.Timer(seconds, gdb.kill)
        timer.start()
        output = gdb.communicate()[0].decode(errors="replace")
        timer.cancel()
    pump.join()
    return output, off == [True]


def run(build, archive, name, emulator, smp, seconds):
    """Returns (complaints, log). No complaints: all answers were right and the kernel ended as
    expected."""
    scenario, console, interrupted = SCENARIOS[name], bytearray(), False
    # In threads, the many CPUs that wait in loops would take the host's processors from the CPU
    # that talks to gdb.
    flags = ["-accel", "tcg,thread=single"] * (emulator == "qemu" and smp > 2)

    def sink(data, gdb):
        nonlocal interrupted
        console.extend(data)
        if WAITS in console and not interrupted:
            interrupted = True
            os.kill(gdb.pid, signal.SIGINT)

    with emu.Machine(build + "/kernel.elf", archive, scenario.words, emulator, smp,
                     flags=flags) as m:
        port = m.start(serve_com2=True)
        script = scenario.script(smp, port) if scenario.script else []
        output, off = converse(m, build + "/kernel.elf", port, script, seconds, sink)
        wrong = check(output, script)
        if not off:
            wrong.append("the machine did not go off by itself")
        elif m.status() not in (None, scenario.status):
            wrong.append(f"the machine's status is {m.status()}")
    lines = console.replace(b"\r", b"").decode(errors="replace")
    wrong += [f"the kernel did not say {line}" for line in scenario.console
              if not re.search("^" + line, lines, re.M)]
    return wrong, (output + "\n---- console ----\n" + lines).encode()

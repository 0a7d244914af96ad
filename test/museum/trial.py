# Runs some tests on one kernel and stops at the first that notices something.
import re
import subprocess
import sys

from labs import lab

sys.path[:0] = [lab.ROOT + "/tools", lab.ROOT + "/test"]
import emu  # noqa: E402
from report import parse_ktap  # noqa: E402

ARCHIVE = lab.ROOT + "/build/rootfs.cpio"
NOTICED = re.compile(rb"^(not ok \d+ \S+|PANIC: .*?)\r?\n", re.M)


class Noticed(Exception):
    pass


def pump(machine, sink, seconds):
    """As Machine.pump(), but the clock stands still while the host runs other programs. So a busy
    host makes no test too slow."""
    end = machine.clock() + seconds
    while True:
        left = end - machine.clock()
        if left <= 0 or machine.pump(sink, left):
            return left > 0


def lines_of(output):
    return output.decode(errors="replace").replace("\r", "").split("\n")


def run_kernel(kernel, kernel_tests, user_tests, seconds, smp=2, rules="2009", emulator="qemu",
               limit=30):
    """What the tests notice, in a line; "" when all have passed. Each layer has the names of its
    tests. None: no tests; []: all tests; "-name": not this one. `limit`: for each of the kernel's
    tests, in the machine's own seconds."""
    layers = ["kernel"] * (kernel_tests is not None) + ["user"] * (user_tests is not None)
    words = [f"slots={rules}", f"test_limit={limit}",
             "init=/bin/" + ("true" if user_tests is None else "utest")]
    if kernel_tests is not None:
        words.append("test=" + (",".join(kernel_tests) or "all"))
    words += ["--", *(user_tests or [])]
    output = bytearray()

    def sink(data):
        output.extend(data)
        if NOTICED.search(output):
            raise Noticed

    with emu.Machine(kernel, ARCHIVE, words, emulator, smp) as m:
        m.start()
        try:
            if not pump(m, sink, seconds):
                return f"does not end within {seconds} seconds"
        except Noticed:
            return NOTICED.search(output)[1].decode(errors="replace")
        cases, complaints = parse_ktap(lines_of(output), layers)
        if not emu.EXITED.search(output):
            return m.crash() or "the machine went off"
    if complaints:
        return complaints[0]
    named = (kernel_tests or []) + (user_tests or [])
    skipped = [c.name for c in cases if c.verdict == "skip" and c.name.split()[1] in named]
    return "skipped: " + skipped[0] if skipped else ""


def run_host(program, seconds):
    try:
        done = subprocess.run([program], capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"does not end within {seconds} seconds"
    bad = re.search(r"^not ok \d+ \S+", done.stdout, re.M)
    return bad[0] if bad else f"status {done.returncode}" if done.returncode else ""

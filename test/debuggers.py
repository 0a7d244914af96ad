# `make gdb` and `make bochs`, whatever EMU= says: they stop where they promise, and know the
# kernel's names. One CPU: Bochs' debugger overlooks breakpoints when there are more.
import os
import re
import subprocess
import sys

SESSIONS = {
    "gdb": ("backtrace\nbreak task_new\ncontinue\nkill\n",
            r"Breakpoint 1, kernel_main \((.*\n)*.*#1 .* boot_high \((.*\n)*"
            r".*Breakpoint 2, task_new \("),
    "bochs": ("b task_new\nc\ninfo\nq\n",
              r"\(kernel_main\+0\)(.*\n)*.*\(task_new\+0\)(.*\n)*rip: ffffffff_80"),
}


def check(build, timeout):
    """What is wrong ("": nothing), and the log as lines."""
    wrong, log = [], ""
    for debugger, (commands, answer) in SESSIONS.items():
        other = "bochs" if debugger == "gdb" else "qemu"
        said = subprocess.run([sys.executable, "-B", "tools/debug.py", debugger, "--build", build],
                              input=commands, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout,
                              env=dict(os.environ, EMU=other, SMP="1", APPEND="",
                                       QEMU_FLAGS="")).stdout
        log += said
        if not re.search(answer, said):
            wrong.append(f"make {debugger}: wanted {answer!r}")
    return "; ".join(wrong), log.split("\n")

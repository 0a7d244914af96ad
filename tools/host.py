# This machine's own Linux as a third system that runs programs: its debug registers are real. It
# may forbid perf events or ptrace; then refusal() says which.
import ctypes
import os
import struct
import subprocess
import tempfile

from batch import Done

PERF_EVENT_OPEN = 298
BREAKPOINT = 5      # PERF_TYPE_BREAKPOINT
USER_ONLY = 1 << 5  # exclude_kernel
WRITES = 2          # HW_BREAKPOINT_W
LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_TRACEME = 0


def watch():
    """Opens a watchpoint on memory of this process, with an attr of 72 bytes. Returns 0 or
    errno."""
    word = ctypes.c_long()
    attr = struct.pack("<IIQQQQQIIQQ", BREAKPOINT, 72, 0, 0, 0, 0, USER_ONLY, 0, WRITES,
                       ctypes.addressof(word), 8)
    fd = LIBC.syscall(PERF_EVENT_OPEN, ctypes.create_string_buffer(attr), 0, -1, -1, 0)
    if fd < 0:
        return ctypes.get_errno()
    os.close(fd)
    return 0


def trace():
    """Tries whether a child may ask to be traced. Returns 0 or errno."""
    pid = os.fork()
    if pid == 0:
        os._exit(ctypes.get_errno() if LIBC.ptrace(PTRACE_TRACEME, 0, 0, 0) else 0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def refusal():
    """Why this machine cannot run the programs; "": it can."""
    for name, call in (("perf_event_open", watch), ("ptrace", trace)):
        error = call()
        if error:
            return f"this machine's Linux refuses {name}: {os.strerror(error)}"
    return ""


def run(commands, timeout):
    """Like batch.run(): returns a Done for each command."""
    results = []
    for command in commands:
        path = os.path.abspath(command[0])
        with tempfile.TemporaryDirectory(prefix="dr7-") as folder:
            try:
                done = subprocess.run([path] + command[1:], cwd=folder, timeout=timeout,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, start_new_session=True)
            except subprocess.TimeoutExpired as late:
                results.append(Done(late.stdout or b"", "timeout 0"))
                continue
        code = done.returncode
        results.append(Done(done.stdout, f"exited {code}" if code >= 0 else f"killed {-code}"))
    return results

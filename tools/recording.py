# What `make recording` does: records the README's session on a terminal, for asciinema.
#
#   recording.py FILE      asciicast v2: a header, then [seconds, "o", text] in each line
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from emu import tidy, without_question

COLUMNS, ROWS = 80, 24
SESSION = ["ps", "demo -n 20 | head -30", 'trace next_tid -- sh -c "true | true"', "hwbp | head -5",
           "exit"]
PROMPT, KEY_SECONDS, SECONDS = b"$ ", 0.05, 300


def start():
    """Starts the machine on its own terminal. Returns the process, and the terminal's other end."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(["make", "-s", "run"], stdin=far, stdout=far, stderr=far,
                               start_new_session=True)
    os.close(far)
    return process, near


def pieces(near):
    """Types the session. Yields (seconds, bytes) as the terminal gets them."""
    begun, keys, seen, held = time.monotonic(), [], b"", b""
    lines = list(SESSION)
    while time.monotonic() - begun < SECONDS:
        if select.select([near], [], [], KEY_SECONDS)[0]:
            try:
                data = os.read(near, 4096)
            except OSError:  # the other end is closed
                return
            shown, asked, held = without_question(held + data)  # a player must not answer
            if asked:
                os.write(near, b"\x1b[1;1R")
            seen = (seen + shown)[-80:]
            yield time.monotonic() - begun, shown
        elif keys:
            os.write(near, keys.pop(0))
        elif lines and seen.endswith(PROMPT):
            keys = [bytes([key]) for key in lines.pop(0).encode() + b"\r"]
    raise TimeoutError


def main():
    process, near = start()
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        print(json.dumps({"version": 2, "width": COLUMNS, "height": ROWS, "title": "dr7"}), file=f)
        try:
            for at, data in pieces(near):
                print(json.dumps([round(at, 3), "o", data.decode(errors="replace")]), file=f)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGTERM)
            sys.exit("dr7: the session did not end")
    if process.wait():
        sys.exit(f"dr7: the session ended with status {process.returncode}")
    print(sys.argv[1], file=sys.stderr)


if __name__ == "__main__":
    tidy(main)

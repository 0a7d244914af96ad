# The console of a machine that a debugger has started: a file, and a socket that `make console`
# connects to a second terminal.
import os
import select
import socket
import sys
import threading

import emu
from boot import raw_terminal, size_of_terminal

SOCKET = "build/console"


def offer(port, log):
    """Serves the console `port` to `make console`, and writes it to the file `log`."""
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    listener = socket.create_server(SOCKET, family=socket.AF_UNIX)
    print(f"dr7: `make console` is the machine's console, {log} what it has said", flush=True)
    threading.Thread(target=emu.serve, args=(listener, port, open(log, "w+b")),
                     daemon=True).start()


def main():
    """This terminal is the console, until Ctrl-A X or the machine's end."""
    if not sys.stdin.isatty():
        sys.exit("dr7: the console needs a terminal")
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(SOCKET)
    except OSError:
        sys.exit("dr7: no machine offers its console: make gdb, make kgdb or make bochs runs one")
    size = size_of_terminal()
    with raw_terminal():
        keys = emu.Keys()
        while True:
            ready, _, _ = select.select([connection, 0, emu.ended], [], [])
            if emu.ended in ready:
                return
            if connection in ready:
                data = emu.receive(connection)
                if not data:
                    return
                os.write(1, data)
                if size:  # not before the kernel's first output, as in emu.pump()
                    connection.sendall(size)
                size = b""
            if 0 in ready:
                typed = keys.typed(os.read(0, 4096))
                if typed is None:
                    return
                connection.sendall(typed)


if __name__ == "__main__":
    emu.tidy(main)

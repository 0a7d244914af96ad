# QEMU and Bochs: only this file knows how to start, feed and end them.
#
# Every machine boots its own small ISO, made for its kernel command line. On both emulators its
# serial ports are sockets of this program: console, log and, if asked for, /dev/host.
#
# A program starts machines inside tidy(main), so that no machine is left when a signal ends it.
import contextlib
import glob
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import mkiso
import witness
from settings import plainly

WHERE = b"\x1b[6n"  # by this a shell asks the terminal for the cursor's position
START_SECONDS = 20  # for an emulator to open its serial port, or to end after closing it
UEFI = "/usr/share/ovmf/OVMF.fd"
ESCAPE = 1          # Ctrl-A, then x: the user ends the machine
IAC = 255           # telnet's escape (linux/fs/naws.h): doubled, it stands for itself

# QEMU counts instructions as time, 128 ns each, so that a run with one CPU can be repeated exactly.
ICOUNT = ["-icount", "shift=7,align=off,sleep=off", "-rtc", "clock=vm"]

CPU = {"qemu": "max", "bochs": "corei7_haswell_4770"}  # the default model

# The last line of the kernel (kernel/main.c; a program may call reboot(2): linux/proc/misc.c).
EXITED = re.compile(rb"dr7: (?:init exited|core ended) with status (\d+)")
KILLED = re.compile(rb"dr7: init killed by signal (\d+)")
NOT_STARTED = re.compile(rb"dr7: init could not be started: error (\d+)")
POWERED_OFF = re.compile(rb"dr7: powered off by (task \d+ \([^\r\n]*\))")

ended, end = os.pipe()  # readable when the program must end, with all machines

BOCHSRC = """\
cpu: model={cpu}, count={smp}, ips=50000000, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
clock: sync=none, time0=utc
{ports}display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
log: {log}
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
"""


class Keys:
    """The keys that a user types at a terminal that is the machine's console."""

    def __init__(self):
        self.escaped = False

    def typed(self, data):
        """Returns the bytes for the machine; None: Ctrl-A X, the end. Ctrl-A typed twice is one
        Ctrl-A."""
        sent = b""
        for key in data:
            if self.escaped and key in b"xX":
                return None
            self.escaped = key == ESCAPE and not self.escaped
            sent += b"" if self.escaped else bytes([key]) * (1 + (key == IAC))
        return sent


class Machine:
    """One emulator with its own directory. Leaving the `with` ends only this emulator."""

    def __init__(self, kernel, archive, words, emu="qemu", smp=2, mem=256, cpu=None, flags=(),
                 grub=True, to_host=False, uefi=False, icount=False, witness=False):
        """`words`: the kernel command line. `archive` may be None. `grub` False: QEMU loads the
        kernel. `to_host`: adds a third serial port for /dev/host. Only for QEMU: `uefi`, UEFI
        firmware; `icount`, instructions as time, on one CPU; `witness`, for exceptions()."""
        self.kernel, self.archive, self.words, self.grub = kernel, archive, list(words), grub
        self.emu, self.smp, self.mem = emu, int(smp), int(mem)
        self.cpu, self.flags = cpu or CPU[emu], list(flags)
        self.to_host, self.uefi, self.witness = to_host, uefi, witness
        self.flags += ICOUNT if icount else []
        self.process = self.com1 = self.com2 = self.com3 = self.errors = None
        self.com2_output = self.host_output = b""
        self.awake = False  # it has written something

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="dr7-")
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thing in (self.com1, self.com2, self.com3, self.errors):
            if thing is not None:
                thing.close()
        shutil.rmtree(self.dir)

    def iso(self):
        iso = self.dir + "/boot.iso"
        mkiso.make_iso(iso, mkiso.boot_config(self.words, self.archive, self.uefi), self.kernel,
                       self.archive, self.uefi)
        return iso

    def qemu_command(self, *ports):
        """`ports`: the peer of each serial port."""
        boot = (["-cdrom", self.iso(), "-boot", "d"] if self.grub else
                ["-kernel", self.kernel, "-append", " ".join(self.words)])
        return ["qemu-system-x86_64", "-machine", "pc", "-cpu", self.cpu, "-smp", str(self.smp),
                "-m", str(self.mem), "-no-reboot", "-display", "none", "-monitor", "none",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
                "-d", "tid,cpu_reset" + ",int" * self.witness, "-D", self.dir + "/log-%d",
                *(word for port in ports for word in ("-serial", port))] + \
            boot + (["-bios", UEFI, "-net", "none"] if self.uefi else []) + self.flags

    def bochs_command(self, *ports, more="", debugger=()):
        """`ports`: the same; `more`: lines for the bochsrc; `debugger`: first commands for the
        built-in debugger. The screen goes to VNC, which needs no client. Bochs' terminal display
        would stop the machine for ever when a few KiB of it are not read."""
        with open(self.dir + "/bochsrc", "w", encoding="utf-8") as f:
            f.write(BOCHSRC.format(cpu=self.cpu, smp=self.smp, mem=self.mem, iso=self.iso(),
                                   ports="".join(f"com{n}: enabled=1, {port}\n"
                                                 for n, port in enumerate(ports, 1)),
                                   log=self.dir + "/bochs.log"))
            f.write(more)
        with open(self.dir + "/commands", "w", encoding="utf-8") as f:
            f.writelines(command + "\n" for command in debugger)
        return ["bochs", "-q", "-f", self.dir + "/bochsrc", "-rc", self.dir + "/commands"]

    def start(self, serve_com2=False):
        """Starts the emulator with its serial ports connected: by Unix sockets, and by TCP to
        Bochs, which has nothing else. `serve_com2`: returns the name of a Unix socket. The second
        port belongs to its clients, one after the other."""
        server = self.dir + "/com2-server"
        self.errors = open(self.dir + "/errors", "w+b")
        names = ["com1", "com2"] + ["com3"] * self.to_host
        if self.emu == "qemu":
            paths = {name: f"{self.dir}/{name}" for name in names}
            if serve_com2:
                names.remove("com2")
            listeners = [socket.create_server(paths[n], family=socket.AF_UNIX) for n in names]
            self.spawn(self.qemu_command(*(
                f"unix:{path}" if name in names else f"unix:{server},server=on,wait=off"
                for name, path in paths.items())))
        else:
            listeners = [socket.create_server(("127.0.0.1", 0)) for _ in names]
            ports = [f"mode=socket-client, dev=127.0.0.1:{s.getsockname()[1]}" for s in listeners]
            self.spawn(self.bochs_command(*ports, debugger=["c", "q"]))
        for name, listener in zip(names, listeners):
            setattr(self, name, self.accept(listener))
        if self.com2 and serve_com2:
            listener = socket.create_server(server, family=socket.AF_UNIX)
            threading.Thread(target=serve, args=(listener, self.com2), daemon=True).start()
            self.com2 = None
        return server if serve_com2 else None

    def accept(self, listener):
        deadline = time.monotonic() + START_SECONDS
        while not select.select([listener], [], [], 0.1)[0]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"dr7: {self.emu} did not start: {self.complaints()}")
        connection = listener.accept()[0]
        listener.close()
        connection.setblocking(False)
        return connection

    def spawn(self, command):
        """The emulator ends with this program, even if this program is killed."""
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command,
                                        stdin=subprocess.DEVNULL, stdout=self.errors,
                                        stderr=self.errors, start_new_session=True)

    def complaints(self):
        """The messages of the emulator itself."""
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace")
        return text.split("following message:\n")[-1].strip("=\n ")

    def crash(self):
        """For a machine that is off: the reason, if it was not its kernel; else ""."""
        status = self.process.returncode
        if status < 0:
            return f"{self.emu} was ended by signal {-status}: {self.complaints()}"
        if self.emu == "bochs":  # its messages and its status do not show the reason
            return ""
        for path in self.logs():
            with open(path, encoding="utf-8") as f:
                if any("Triple fault" in line for line in f):
                    return "triple fault"
        return self.complaints()

    def logs(self):
        """The log files of QEMU, one for each of its threads."""
        return glob.glob(self.dir + "/log-*")

    def exceptions(self, *vectors):
        """With `witness`: the exceptions with these vectors (default: #DB) that QEMU saw, each a
        witness.Trap."""
        return list(witness.read(self.logs(), vectors or (witness.DB,)))

    def clock(self):
        """Seconds. The clock stands while the emulator is ready, but the host runs other
        programs."""
        delays = []
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
                delays.append(int(f.read().split()[1]) / 1e9)
        return time.monotonic() - max(delays, default=0)

    def pump(self, sink, timeout=None, keyboard=None, escape=False, stream=False, notices=None):
        """Gives the output of the first serial port to sink(). Returns True when the machine is
        off. Returns False when the time is up, the program must end, or the user typed Ctrl-A X
        (`escape`) at the descriptor `keyboard`. The machine gets the keyboard's input, and with
        `stream` also its end (linux/fs/console.c: a DLE keeps the next byte). `notices`: a
        descriptor whose bytes are for the console itself (linux/fs/naws.h). com2_output and
        host_output collect the output of the other ports."""
        deadline = time.monotonic() + timeout if timeout else None
        keys, unsent = Keys(), b""
        ports = {self.com1, self.com2, self.com3} - {None}
        typed = {keyboard, notices} - {None}
        readers = ports | typed | {ended}
        while readers & ports:
            # Keys wait for the kernel's first output, because the set-up of the port drops earlier
            # ones.
            waiting = readers if self.awake and not unsent else readers - typed
            left = max(0, deadline - time.monotonic()) if deadline else None
            ready, writable, _ = select.select(waiting, [self.com1] if unsent else [], [], left)
            if ended in ready or not ready and not writable:
                return False
            if self.com1 in writable:
                try:
                    unsent = unsent[self.com1.send(unsent):]
                    acknowledge_at_once(self.com1)
                except OSError:  # the machine goes off without reading
                    unsent = b""
                    readers -= typed
            # The second port first: the kernel writes there before the program writes here.
            for source in sorted(ready, key=lambda source: source is self.com1):
                data = receive(source)
                if not data:
                    readers.remove(source)
                    unsent += b"\x10\x04" if stream and source is keyboard else b""
                if source is self.com1 and data:
                    acknowledge_at_once(source)
                    self.awake = True
                    sink(data)
                elif source is self.com2:
                    self.awake = True
                    self.com2_output += data
                elif source is self.com3:
                    self.host_output += data
                elif source is notices:
                    unsent += data
                elif source is keyboard and not escape:
                    unsent += data.replace(b"\x10", b"\x10\x10") if stream else data
                elif source is keyboard:
                    typed_now = keys.typed(data)
                    if typed_now is None:
                        return False
                    unsent += typed_now
        self.process.wait(timeout=START_SECONDS)
        return True

    def status(self):
        """After pump() returned True: the argument of the kernel's machine_off(). In Bochs:
        None."""
        return self.process.returncode >> 1 if self.emu == "qemu" else None


def without_question(data):
    """Returns (the text to show, whether it asks for the cursor, the start of a question at its
    end)."""
    shown = data.replace(WHERE, b"")
    held = next((n for n in range(len(WHERE) - 1, 0, -1) if shown.endswith(WHERE[:n])), 0)
    return shown[:len(shown) - held], WHERE in data, shown[len(shown) - held:]


def tidy(main):
    """Runs main(). Signals that end a program, and a closed output, unwind it."""
    def leave(number, _):
        os.write(end, b"!")
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        plainly(main)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def serve(listener, port, log=None):
    """Connects a serial port with each client of `listener`, one after the other, until the machine
    is off. Output without a client is lost, unless there is a `log` (a file that is written and
    read). Each client gets the log first."""
    peer = None
    port.setblocking(True)
    with listener, port:
        while True:
            ready, _, _ = select.select([port, peer or listener], [], [])
            if port in ready:
                data = receive(port)
                if not data:
                    return
                acknowledge_at_once(port)
                if log:
                    log.write(data)
                    log.flush()
                if peer and not send(peer, data):
                    peer = None
            elif peer:
                said = receive(peer)
                port.sendall(said)
                if not said:
                    peer.close()
                    peer = None
            else:
                peer = listener.accept()[0]
                if log:
                    log.seek(0)
                    send(peer, log.read())


def send(peer, data):
    """False: the peer has gone. The connection is closed then."""
    try:
        peer.sendall(data)
        return True
    except OSError:
        peer.close()
        return False


def acknowledge_at_once(connection):
    """With Bochs the system collects small packets until the last one is acknowledged. If Bochs
    ends with unread input, the collected data is lost."""
    if connection.family == socket.AF_INET:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def receive(source):
    """Reads some bytes from a socket or a descriptor; none when the other side is closed."""
    try:
        if isinstance(source, socket.socket):
            return source.recv(65536)
        return os.read(source, 4096)
    except OSError:
        return b""

# Runs a list of static programs in one boot, on dr7 or on Linux (tools/linux.py), in the same QEMU
# with the same processor. /batch (tools/batch.c) is the first program on both.
import os
import re
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass

import emu
import linux
import mkiso

INIT = "build/tools/batch"
MEM = 512              # megabytes
BOOT_SECONDS = 150     # for the machine itself, without its programs
DR7_WORDS = ["init=/batch", "tty=raw", "log=com2", "vga=0"]


@dataclass
class Done:
    """One program's run: every byte that it wrote, and "exited N", "killed N", "timeout 0",
    "not-started N" (an errno), or "lost" (the machine ended first)."""
    output: bytes
    status: str
    log: bytes = b""  # what the kernel said during the whole boot


def run(system, commands, timeout, kernel="build/kernel.elf", files=(), words=(), smp=2, mem=MEM,
        flags=()):
    """Runs `commands` (lists of words, the first a path on this machine) one after the other on
    `system`, "dr7" or "linux". `timeout`: seconds for each, in the machine's time. `files`: more
    files for /. `words`: more words for the kernel. Returns a Done for each command."""
    token = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        root, archive = top + "/root", top + "/archive"
        os.mkdir(root)
        copied = {}
        for path in [c[0] for c in commands] + list(files) + [INIT]:
            name = os.path.basename(path)
            if copied.setdefault(name, path) != path:
                sys.exit(f"dr7: {path} and {copied[name]} have the same name")
            shutil.copy(path, f"{root}/{name}")
            os.chmod(f"{root}/{name}", 0o755)
        with open(root + "/batch.list", "wb") as f:
            for command in commands:
                argv = ["/" + os.path.basename(command[0])] + command[1:]
                f.write("\0".join([str(timeout)] + argv).encode() + b"\0\0")
        mkiso.make_archive(archive, root)
        options = {"smp": smp, "mem": mem, "flags": list(flags)}
        if system == "linux":
            machine = linux.Linux(archive, words, [token], **options)
        else:
            machine = emu.Machine(kernel, archive, DR7_WORDS + list(words) + ["--", token],
                                  **options)
        written = bytearray()
        with machine as m:
            m.start()
            off = m.pump(written.extend, BOOT_SECONDS + timeout * len(commands))
            log = bytes(m.com2_output) + (m.crash().encode() if off else b"(late)")
    return split(bytes(written), token.encode(), len(commands), log)


def split(written, token, count, log):
    """Divides the console's output into each program's own bytes."""
    results = []
    for n in range(count):
        pattern = (rb"%s start %d\n(.*?)%s end %d (\S+ \d+)\n" % (token, n, token, n))
        found = re.search(pattern, written, re.S)
        begun = re.search(rb"%s start %d\n(.*)" % (token, n), written, re.S)
        results.append(Done(found[1], found[2].decode(), log) if found else
                       Done(begun[1] if begun else written, "lost", log))
    return results

# What `make web` does: build/web, a page that runs the kernel in Bochs' debugger, for any file
# server. It is stopped at kernel_main; what a machine does up to there is done here, once.
#
#   make.py --build DIRECTORY
import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import urllib.request

sys.path.insert(0, "tools")
import bochs  # noqa: E402
import lines  # noqa: E402
import mkiso  # noqa: E402
from emu import tidy  # noqa: E402

OUT = "build/web"
PARTS = "build/web-bochs/parts"  # what Bochs reads
ROMS = {"bios": "/usr/share/bochs/BIOS-bochs-latest",
        "vgabios": "/usr/share/bochs/VGABIOS-lgpl-latest"}
WORDS = ["init=/bin/init", "watchdog=0"]
XTERM = "https://registry.npmjs.org/@xterm/xterm/-/xterm-5.5.0.tgz"
XTERM_SHA512 = ("hqJHYaQb5OptNunnyAnkHyM8aCjZ1MEIDTQu1iIbbTD/xops91NB5yq1ZK/dC2JDbVWtF23zUtl9JE2N"
                "qwT87A==")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def xterm():
    """The terminal, as npm has it: script and style."""
    path = "build/node/xterm.tgz"
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with urllib.request.urlopen(XTERM, timeout=60) as answer:
            write(path, answer.read())
    data = read(path)
    if hashlib.sha512(data).digest() != base64.b64decode(XTERM_SHA512):
        sys.exit(f"dr7: {path}: not the file that was pinned")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [archive.extractfile("package/" + name).read()
                for name in ("lib/xterm.js", "css/xterm.css")]


def machine(build):
    """The files that Bochs reads, in PARTS: machine, firmware, CD, names."""
    os.makedirs(PARTS, exist_ok=True)
    archive = "build/rootfs.cpio"
    mkiso.make_iso(PARTS + "/iso", mkiso.boot_config(WORDS, archive), build + "/kernel.elf",
                   archive)
    for name, path in ROMS.items():
        shutil.copy(path, f"{PARTS}/{name}")
    shutil.copy("web/bochsrc", PARTS)
    symbols = read(build + "/kernel.sym").decode().splitlines()
    write(PARTS + "/symbols", "".join(f"{at} {name}\n" for at, name in
                                      (line.split() for line in symbols)).encode())


def pack(parts):
    """Named parts as one: the length of the list of names and lengths, the list, the parts."""
    names = json.dumps([[name, len(data)] for name, data in parts.items()]).encode()
    return struct.pack("<I", len(names)) + names + b"".join(parts.values())


def compress(data):
    return gzip.compress(data, 9, mtime=0)


def main():
    build = sys.argv[2]
    script, wasm = bochs.build()
    os.makedirs(OUT, exist_ok=True)
    machine(build)
    write(OUT + "/worker.js", read(script) + b"\n" + read("web/machine.js"))
    snapshot = "build/web-bochs/snapshot"
    subprocess.run(["node", "tools/web/snapshot.cjs", OUT + "/worker.js", wasm, PARTS, snapshot],
                   check=True)
    table = json.dumps(lines.table(build + "/kernel.elf", build + "/kernel.sym"),
                       separators=(",", ":")).encode()
    iso = read(PARTS + "/iso")
    parts = {name: read(f"{PARTS}/{name}") for name in (*ROMS, "bochsrc", "symbols")}
    terminal, style = xterm()
    parts |= {"wasm": read(wasm), "snapshot": read(snapshot), "table": table, "xterm": terminal,
              "isosize": struct.pack("<I", len(iso))}
    write(OUT + "/dr7.pack.gz", compress(pack(parts)))
    write(OUT + "/iso.gz", compress(iso))
    write(OUT + "/xterm.css", style)
    for name in os.listdir("web"):
        if name not in ("machine.js", "bochsrc"):
            shutil.copy("web/" + name, OUT)
    size = sum(os.path.getsize(f"{OUT}/{name}") for name in os.listdir(OUT))
    print(f"{OUT}/index.html, for any file server: {size / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    tidy(main)

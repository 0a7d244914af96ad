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
import tempfile
import urllib.request

sys.path.insert(0, "tools")
import bochs  # noqa: E402
import lines  # noqa: E402
import mkiso  # noqa: E402
import tours  # noqa: E402
from emu import tidy  # noqa: E402

OUT = "build/web"
PARTS = "build/web-bochs/parts"  # what Bochs reads
ROMS = {"bios": "/usr/share/bochs/BIOS-bochs-latest",
        "vgabios": "/usr/share/bochs/VGABIOS-lgpl-latest"}
# The command line: nothing but room, into which the page writes the one that is wanted.
ROOM = ["room=" + 300 * "x"]
PT_LOAD = 1  # elf(5)
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
    """The files that Bochs reads, in PARTS: machine, firmware, CD, names. The kernel's tests stay
    out of its archive: they are as large as all other programs."""
    os.makedirs(PARTS, exist_ok=True)
    archive = "build/web-bochs/rootfs.cpio"
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        shutil.copytree("build/rootfs", top, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("utest"))
        mkiso.make_archive(archive, top)
    mkiso.make_iso(PARTS + "/iso", mkiso.boot_config(ROOM, archive), build + "/kernel.elf",
                   archive)
    for name, path in ROMS.items():
        shutil.copy(path, f"{PARTS}/{name}")
    shutil.copy("web/bochsrc", PARTS)
    shutil.copy(build + "/kernel.sym", PARTS + "/symbols")


def segments(kernel):
    """Where the kernel is loaded: START-END in bytes, for each segment."""
    data = read(kernel)
    table, size, count = *struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54)
    for at in range(table, table + size * count, size):
        kind, = struct.unpack_from("<I", data, at)
        start, _, length = struct.unpack_from("<QQQ", data, at + 24)
        if kind == PT_LOAD:
            yield f"{start}-{start + length}"


def pack(parts):
    """Named parts as one: the length of the list of names and lengths, the list, the parts."""
    names = json.dumps([[name, len(data)] for name, data in parts.items()]).encode()
    return struct.pack("<I", len(names)) + names + b"".join(parts.values())


def compress(data):
    return gzip.compress(data, 9, mtime=0)


def as_url(kind, data):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def whole():
    """The page as one file, which asks for no other."""
    text = read(OUT + "/index.html").decode()
    modules = {f"dr7/{name}": as_url("text/javascript", read(f"{OUT}/{name}"))
               for name in os.listdir(OUT) if name.endswith(".js")}
    for name in ("xterm.css", "style.css"):
        text = text.replace(f'<link rel="stylesheet" href="{name}">',
                            f"<style>{read(f'{OUT}/{name}').decode()}</style>")
    for name in ("bochs.patch", "driver.cc"):
        text = text.replace(f'href="{name}"',
                            f'href="{as_url("text/plain", read(f"{OUT}/{name}"))}"')
    text = text.replace('{"imports": {"dr7/": "./"}}', json.dumps({"imports": modules}))
    blobs = "".join(f'<script type="text/plain" id="{name}">'
                    f"{base64.b64encode(read(f'{OUT}/{name}')).decode()}</script>\n"
                    for name in ("dr7.pack.gz", "iso.gz"))
    page = '<script type="module" src="page.js"></script>'
    return text.replace(page, f'{blobs}<script type="module">import "dr7/page.js";</script>'
                        ).encode()


def main():
    build = sys.argv[2]
    script, wasm = bochs.build()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    machine(build)
    worker, snapshot = "build/web-bochs/worker.js", "build/web-bochs/snapshot"
    write(worker, read(script) + b"\n" + read("web/machine.js"))
    subprocess.run(["node", "tools/web/snapshot.cjs", worker, wasm, PARTS, snapshot,
                    *segments(build + "/kernel.elf")], check=True)
    table = json.dumps(lines.table(build + "/kernel.elf", build + "/kernel.sym"),
                       separators=(",", ":"))
    iso = read(PARTS + "/iso")
    parts = {name: read(f"{PARTS}/{name}") for name in (*ROMS, "bochsrc")}
    terminal, style = xterm()
    toured = tours.made(tours.in_node(worker, wasm, PARTS, snapshot))
    parts |= {"worker": read(worker), "wasm": read(wasm), "snapshot": read(snapshot),
              "table": table.encode(), "xterm": terminal, "isosize": struct.pack("<I", len(iso)),
              "tours": json.dumps(toured).encode()}
    write(OUT + "/dr7.pack.gz", compress(pack(parts)))
    write(OUT + "/iso.gz", compress(iso))
    write(OUT + "/xterm.css", style)
    for name in os.listdir("web"):
        if name not in ("machine.js", "bochsrc"):
            shutil.copy("web/" + name, OUT)
    size = sum(os.path.getsize(f"{OUT}/{name}") for name in os.listdir(OUT) if name != "iso.gz")
    write(OUT + "/dr7.html", whole())
    print(f"{OUT}/index.html, for any file server: {size / 1e6:.2f} MB; {OUT}/dr7.html, whole: "
          f"{os.path.getsize(OUT + '/dr7.html') / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    tidy(main)

# What `make web` does: makes build/web, a page for any file server that runs the kernel in Bochs'
# debugger. The page's machine begins at kernel_main. The way up to there is run here, once.
#
#   make.py --build DIRECTORY
import base64
import glob
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
import docs_check  # noqa: E402
import mkiso  # noqa: E402
import tours  # noqa: E402
from pack import pack  # noqa: E402
from emu import tidy  # noqa: E402

OUT = "build/web"
# What the page loads: at once; for a user's own kernel; for the tour of the lab.
PACKS = ["dr7.pack.gz", "boot.pack.gz", tours.CORE]
MADE = "build/web-bochs"
ROMS = {"bios": "/usr/share/bochs/BIOS-bochs-latest",
        "vgabios": "/usr/share/bochs/VGABIOS-lgpl-latest"}
# The command line is only room: the page writes the real one there.
ROOM = ["room=" + 300 * "x"]
PT_LOAD = 1  # elf(5)
# Packages of npm: name, hash, and which file becomes which part.
NPM = {
    "xterm-5.5.0": (
        "hqJHYaQb5OptNunnyAnkHyM8aCjZ1MEIDTQu1iIbbTD/xops91NB5yq1ZK/dC2JDbVWtF23zUtl9JE2NqwT87A==",
        {"xterm": "lib/xterm.js", "style": "css/xterm.css"}),
    "addon-fit-0.10.0": (
        "UFYkDm4HUahf2lnEyHvio51TNGiLK66mqP2JoATy7hRZeXaGMRDr00JiSF7m63vR5WKATF605yEggJKsw0JpMQ==",
        {"fit": "lib/addon-fit.js"}),
}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def terminal():
    """The terminal from npm: name -> bytes."""
    found = {}
    for name, (sha512, files) in NPM.items():
        path = f"build/node/{name}.tgz"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            package = "@xterm/" + name.rsplit("-", 1)[0]
            with urllib.request.urlopen(f"https://registry.npmjs.org/{package}/-/{name}.tgz",
                                        timeout=60) as answer:
                write(path, answer.read())
        data = read(path)
        if hashlib.sha512(data).digest() != base64.b64decode(sha512):
            sys.exit(f"dr7: {path}: not the file that was pinned")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found.update((part, archive.extractfile("package/" + file).read())
                         for part, file in files.items())
    return found


def archive():
    """The archive of programs. The tests are left out, because they are as large as all other
    programs."""
    path = MADE + "/rootfs.cpio"
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        shutil.copytree("build/rootfs", top, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("utest"))
        mkiso.make_archive(path, top)
    return path


def lab_tree():
    """A copy of the tree with the solution of the lab, and its core, as a hand-in of this lab has
    it. The core's lines are in its build/kernel.json."""
    tree = f"{MADE}/{tours.LAB}"
    shutil.rmtree(tree, ignore_errors=True)
    docs_check.copy_tree(tree, f"L={tours.LAB} python3 -B labs/tool.py lab-solution")
    subprocess.run(["make", "-s", "-C", tree, "CORE=1", "DEBUG=1", "kernel-only",
                    "web-table"], check=True, env=docs_check.ENVIRONMENT, stdout=sys.stderr)
    return tree


class Machine:
    """A kernel, the files that Bochs reads, and the machine that has stopped at kernel_main."""

    def __init__(self, name, build, programs):
        self.parts, self.snapshot = f"{MADE}/{name}/parts", f"{MADE}/{name}/snapshot"
        self.kernel, self.symbols = build + "/kernel.elf", build + "/kernel.sym"
        os.makedirs(self.parts, exist_ok=True)
        mkiso.make_iso(self.parts + "/iso", mkiso.boot_config(ROOM, programs), self.kernel,
                       programs)
        for part, path in ROMS.items():
            shutil.copy(path, f"{self.parts}/{part}")
        shutil.copy("web/bochsrc", self.parts)
        shutil.copy(self.symbols, self.parts + "/symbols")

    def begin(self, script, wasm):
        subprocess.run(["node", "tools/web/snapshot.cjs", script, wasm, self.parts, self.snapshot,
                        *segments(self.kernel)], check=True)

    def packed(self, table):
        """The parts for the page; `table`: the kernel's table from `make web-table`."""
        snapshot, room = read(self.snapshot), ROOM[0].encode()
        at = snapshot.index(room)  # GRUB may add quotation marks
        return {"snapshot": snapshot, "table": read(table),
                "room": json.dumps([at - 1, at + len(room) + 1]).encode()}


def segments(kernel):
    """The addresses where the kernel is loaded: START-END for each segment."""
    data = read(kernel)
    table, size, count = *struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54)
    for at in range(table, table + size * count, size):
        kind, = struct.unpack_from("<I", data, at)
        start, _, length = struct.unpack_from("<QQQ", data, at + 24)
        if kind == PT_LOAD:
            yield f"{start}-{start + length}"


def as_url(kind, data):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def whole():
    """The page as one file, which needs no other file."""
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
                    for name in PACKS)
    page = '<script type="module" src="page.js"></script>'
    return text.replace(page, f'{blobs}<script type="module">import "dr7/page.js";</script>'
                        ).encode()


def main():
    build = sys.argv[2]
    script, wasm = bochs.build()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    worker = MADE + "/worker.js"
    write(worker, b"\n".join(map(read, [script, "web/kernel.js", "web/machine.js"])))
    tree = lab_tree()
    machines = {None: Machine("kernel", build, archive()),
                tours.CORE: Machine("core", tree + "/build/core/debug", None)}
    xterm = terminal()
    parts = {"worker": read(worker), "wasm": read(wasm), "xterm": xterm["xterm"],
             "fit": xterm["fit"], "timeline": read("tools/timeline/page.html")}
    for machine in machines.values():
        machine.begin(worker, wasm)
    parts |= machines[None].packed("build/kernel.json")
    toured = tours.made(tours.in_node(worker, wasm, machines))
    parts["tours"] = json.dumps(toured).encode()
    own = {name: read(f"{machines[None].parts}/{name}") for name in (*ROMS, "bochsrc", "iso")}
    for name, content in zip(PACKS, (parts, own, machines[tours.CORE].packed(
            tree + "/build/kernel.json"))):
        write(f"{OUT}/{name}", pack(content))
    write(OUT + "/xterm.css", xterm["style"])
    for path in glob.glob("web/*") + ["tools/timeline/records.js"]:
        if os.path.basename(path) not in ("kernel.js", "machine.js", "bochsrc"):
            shutil.copy(path, OUT)
    first = set(os.listdir(OUT)) - set(PACKS[1:])
    size = sum(os.path.getsize(f"{OUT}/{name}") for name in first)
    write(OUT + "/dr7.html", whole())
    print(f"{OUT}/index.html, for any file server: {size / 1e6:.2f} MB; {OUT}/dr7.html, whole: "
          f"{os.path.getsize(OUT + '/dr7.html') / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    tidy(main)

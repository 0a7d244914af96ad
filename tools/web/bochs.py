# Bochs' debugger as WebAssembly, from Debian's sources with web/bochs.patch, linked with
# web/driver.cc: build/web-bochs/bochs.js and bochs.wasm. Bochs is built once, and the driver when
# it has changed.
#
# `make web-bochs` makes only these files.
#
# BOCHS_SRC=path: the sources, an archive of Bochs 3.0 or a folder, if Debian does not have them any
# more.
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, "tools")
import debian  # noqa: E402
from settings import variable  # noqa: E402

FOLDER = "build/web-bochs"
SUITE = "trixie"  # the mirrors have no sources of bookworm's Bochs 2.7 any more
SHA256 = "78f6c73d4a6472d5130a87ab9dc306d02c7c71ed8e25b3a8ef642e2a7acd282b"
PATCH, DRIVER = "web/bochs.patch", "web/driver.cc"

FLAGS = "-O2 -w -sSUPPORT_LONGJMP=wasm"
# The same features as the CPU of `make bochs`, so that programs behave the same.
OPTIONS = ["--host=wasm32-unknown-emscripten", "--enable-debugger", "--disable-debugger-gui",
           "--enable-cpu-level=6", "--enable-x86-64", "--enable-vmx=2", "--enable-avx",
           "--enable-memtype", "--enable-protection-keys", "--enable-repeat-speedups",
           "--enable-fast-function-calls", "--enable-x86-debugger", "--enable-raw-serial",
           "--enable-a20-pin", "--disable-docbook", "--disable-plugins", "--disable-readline",
           "--disable-gameport", "--disable-xpm", "--with-nogui", "--without-x",
           "CFLAGS=" + FLAGS, f"CXXFLAGS={FLAGS} -include libgen.h", "LDFLAGS=" + FLAGS]
LINK = ["-sMODULARIZE", "-sEXPORT_NAME=Bochs", "-sENVIRONMENT=worker", "-sINVOKE_RUN=0",
        "-sEXIT_RUNTIME=0", "-sINITIAL_MEMORY=134217728", "-sTOTAL_STACK=1048576",
        "-sFORCE_FILESYSTEM=1", "-sEXPORTED_FUNCTIONS=_free,_malloc,_sbrk",
        "-sEXPORTED_RUNTIME_METHODS=FS,ENV,stackSave,stackRestore,stringToNewUTF8,UTF8ToString",
        "-sDEFAULT_LIBRARY_FUNCS_TO_INCLUDE=$stringToNewUTF8"]
OBJECTS = ["logio", "main", "config", "pc_system", "osdep", "plugin", "crc", "bxthread"]
# Debian's node finds the modules of Debian's packages only by this variable.
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
               "NODE_PATH": "/usr/share/nodejs"}


def unpack(folder):
    """Unpacks the sources into `folder`."""
    source = variable("BOCHS_SRC")
    if source and os.path.isdir(source):
        shutil.copytree(source, folder, dirs_exist_ok=True)
        return
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        try:
            archive = source or debian.download("bochs", top, SUITE)
        except subprocess.CalledProcessError:
            sys.exit(f"dr7: Debian {SUITE} has no sources of Bochs; BOCHS_SRC=path names others")
        with open(archive, "rb") as f:
            if not source and hashlib.sha256(f.read()).hexdigest() != SHA256:
                sys.exit("dr7: Debian's sources of Bochs are not those that were pinned")
        debian.unpack(archive, folder)


def run(command, folder, log):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                          env=ENVIRONMENT)
    if done.returncode:
        sys.exit(f"dr7: Bochs for the web: {command[0]} failed; the log is {FOLDER}/log")


def wanted():
    """A hash of all that decides how Bochs is compiled."""
    with open(PATCH, encoding="utf-8") as f:
        parts = [SHA256, variable("BOCHS_SRC"), *OPTIONS, f.read()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def compile_bochs():
    """Compiles Bochs in FOLDER/source, but does not link it."""
    ready = FOLDER + "/compiled"
    if os.path.exists(ready):
        with open(ready, encoding="utf-8") as f:
            if f.read() == wanted():
                return
    print(f"dr7: building Bochs for the web; the log is {FOLDER}/log", file=sys.stderr)
    source = FOLDER + "/source"
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(source)
    unpack(source)
    with open(FOLDER + "/log", "wb") as log:
        run(["patch", "-p1", "-i", os.path.abspath(PATCH)], source, log)
        run(["emconfigure", "./configure", *OPTIONS], source, log)
        # This leaves out Bochs' own link.
        run(["emmake", "make", f"-j{os.cpu_count()}", "bochs", "LIBTOOL=true"], source, log)
    with open(ready, "w", encoding="utf-8") as f:
        f.write(wanted())


def build():
    """Returns the paths of the script and of the wasm."""
    compile_bochs()
    script = FOLDER + "/bochs.js"
    newest = max(map(os.path.getmtime, [DRIVER, __file__, FOLDER + "/compiled"]))
    if not os.path.exists(script) or os.path.getmtime(script) < newest:
        source = FOLDER + "/source"
        paths = [f"{source}/{name}.o" for name in OBJECTS]
        paths += glob.glob(source + "/**/*.a", recursive=True)
        with open(FOLDER + "/log", "ab") as log:
            run(["em++", *FLAGS.split(), f"-I{source}", f"-I{source}/instrument/stubs", "-c",
                 DRIVER, "-o", FOLDER + "/driver.o"], ".", log)
            # The driver comes first, so that its COM1 replaces Bochs' own.
            run(["em++", *FLAGS.split(), *LINK, "-o", script, FOLDER + "/driver.o", *paths[:8],
                 "-Wl,--start-group", *paths[8:], "-Wl,--end-group"], ".", log)
    return script, FOLDER + "/bochs.wasm"


if __name__ == "__main__":
    build()

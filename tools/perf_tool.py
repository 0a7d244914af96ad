# Linux's own perf as one static program. It is built from Debian's sources of Linux 6.12 below
# build/perf-tool, never installed. It runs on dr7 and on Linux.
#
#   perf_tool.py             fetches and builds it unless it exists, and prints its path
import os
import subprocess
import sys
import tempfile

import emu

FOLDER = "build/perf-tool"
PERF = FOLDER + "/perf"
PACKAGE = "linux-source-6.12"
# The parts of the sources that tools/perf needs, and the features that it can do without.
PARTS = ["tools/*", "scripts/*", "arch/arm64/tools/*", "kernel/bpf/disasm.*"]
WITHOUT = ["AUXTRACE", "BACKTRACE", "BPF_SKEL", "DEMANGLE", "DWARF", "GTK2", "JEVENTS",
           "JVMTI", "LIBAUDIT", "LIBBABELTRACE", "LIBBPF", "LIBCAP", "LIBCRYPTO", "LIBDEBUGINFOD",
           "LIBDW_DWARF_UNWIND", "LIBNUMA", "LIBPERL", "LIBPFM4", "LIBPYTHON", "LIBTRACEEVENT",
           "LIBUNWIND", "LIBZSTD", "LZMA", "SDT", "SLANG"]


def fetch(top):
    """Unpacks the sources in the folder `top`. Returns their path."""
    print("dr7: fetching " + PACKAGE, file=sys.stderr)
    os.chmod(top, 0o777)  # apt downloads as another user
    subprocess.run(["apt-get", "download", "-qq", PACKAGE], cwd=top, check=True)
    unpack = (f"dpkg --fsys-tarfile *.deb | tar -xO ./usr/src/{PACKAGE}.tar.xz | xz -dc |"
              f" tar -x --wildcards " + " ".join(f"'{PACKAGE}/{part}'" for part in PARTS))
    subprocess.run(["bash", "-o", "pipefail", "-c", unpack], cwd=top, check=True)
    return f"{top}/{PACKAGE}"


def build(source, out):
    print("dr7: building perf", file=sys.stderr)
    with open(FOLDER + "/log", "wb") as log:
        done = subprocess.run(["make", "-C", source + "/tools/perf", f"O={out}", f"{out}/perf",
                               f"-j{os.cpu_count()}", "LDFLAGS=-static", "WERROR=0"] +
                              [f"NO_{name}=1" for name in WITHOUT], stdout=log, stderr=log,
                              env={k: v for k, v in os.environ.items() if "MAKE" not in k})
    if done.returncode:
        sys.exit(f"dr7: perf could not be built; the log is {FOLDER}/log")


def built():
    """Returns the path of the program. Builds it unless it exists."""
    if not os.path.exists(PERF):
        os.makedirs(FOLDER, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="dr7-") as top:
            out = top + "/out"
            os.mkdir(out)
            build(fetch(top), out)
            subprocess.run(["strip", "--strip-debug", "-o", PERF, out + "/perf"], check=True)
    return PERF


if __name__ == "__main__":
    emu.tidy(lambda: print(built()))

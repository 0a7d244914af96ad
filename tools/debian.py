# Debian's debuggers, built static from their sources below build/debian, so that they run on dr7.
# They are no part of dr7, and nothing is installed.
#
#   debian.py NAME     builds it unless it exists, and prints its path
import glob
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import settings

FOLDER = "build/debian"
MIRROR = "http://deb.debian.org/debian"


@dataclass
class Tool:
    source: str     # Debian's source package
    options: list   # of its configure script
    target: str
    program: str    # its path in the build folder


TOOLS = {
    "gdbserver": Tool("gdb", ["--disable-gdb", "--disable-inprocess-agent", "--disable-sim",
                              "--disable-ld", "--disable-gas", "--disable-gold", "--disable-gprof",
                              "--disable-binutils", "--disable-nls", "--disable-werror"],
                      "all-gdbserver", "gdbserver/gdbserver"),
    "strace": Tool("strace", ["--disable-mpers", "--disable-gcc-Werror"], "all", "src/strace"),
}


def path_of(name):
    return f"{FOLDER}/{name}"


def download(package, folder, suite=""):
    """Downloads the archive of the package's sources into the new `folder`. apt's own list of
    sources does not matter. `suite`: the release of Debian, if not the one that runs."""
    with open("/etc/os-release", encoding="utf-8") as f:
        release = dict(line.rstrip().replace('"', "").split("=", 1) for line in f if "=" in line)
    os.makedirs(folder + "/lists/partial")
    with open(folder + "/sources.list", "w", encoding="utf-8") as f:
        f.write(f"deb-src {MIRROR} {suite or release['VERSION_CODENAME']} main\n")
    here = os.path.abspath(folder)
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={here}/sources.list",
           "-o", "Dir::Etc::sourceparts=/dev/null", "-o", f"Dir::State::lists={here}/lists",
           "-o", f"Dir::Cache={here}", "-o", "APT::Sandbox::User="]
    subprocess.run(apt + ["update"], check=True)
    subprocess.run(apt + ["source", "--download-only", "--tar-only", package], cwd=folder,
                   check=True)
    archive, = glob.glob(glob.escape(folder) + "/*.orig.tar.[gx]z")
    return archive


def unpack(archive, folder):
    """Unpacks the content of the archive's only folder into the existing `folder`."""
    subprocess.run(["tar", "-x", "-f", archive, "-C", folder, "--strip-components=1"], check=True)


def build(name):
    """Returns the path of the program. Builds it unless it exists."""
    tool, path = TOOLS[name], path_of(name)
    if os.path.exists(path):
        return path
    os.makedirs(FOLDER, exist_ok=True)
    log = path + ".log"
    print(f"dr7: building {name} from Debian's sources; the log is {log}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix=name + "-", dir=FOLDER) as folder:
        archive = download(tool.source, folder + "/apt")
        for part in ("source", "out"):
            os.mkdir(f"{folder}/{part}")
        unpack(archive, folder + "/source")
        flags = ["CFLAGS=-O1 -w", "CXXFLAGS=-O1 -w", "LDFLAGS=-static"]
        with open(log, "wb") as f:
            for command in (["../source/configure"] + tool.options + flags,
                            ["make", f"-j{os.cpu_count()}", tool.target]):
                # the settings of dr7's make are not for this build
                subprocess.run(command, cwd=folder + "/out", stdin=subprocess.DEVNULL, stdout=f,
                               stderr=f, env={"PATH": os.environ["PATH"]}, check=True)
        subprocess.run(["strip", "-o", path, f"{folder}/out/{tool.program}"], check=True)
    return path


if __name__ == "__main__":
    settings.plainly(lambda: print(build(sys.argv[1])))

# Linux's own selftests of features that dr7 has, from Debian's linux-source-6.12. They are fetched,
# unpacked and built below build/linux, and are no part of dr7.
import glob
import os
import subprocess
import sys
import tempfile

import linux

PACKAGE = "linux-source-6.12"
SOURCES = linux.FOLDER + "/source"
BINARIES = linux.FOLDER + "/selftests"
BELOW = "tools/testing/selftests/"
# -O0: breakpoint_test calls empty functions, which an optimising compiler drops.
FLAGS = ["-static", "-O0", "-w", "-D_GNU_SOURCE", "-pthread"]

TESTS = ["breakpoints/breakpoint_test", "perf_events/sigtrap_threads",
         "perf_events/watermark_signal", "perf_events/mmap", "ptrace/peeksiginfo",
         "ptrace/get_syscall_info", "sigaltstack/sas", "x86/sigaltstack",
         "x86/single_step_syscall", "x86/syscall_arg_fault", "x86/syscall_nt",
         "x86/sigtrap_loop", "x86/check_initial_reg_state",
         "x86/test_FCMOV", "x86/test_FCOMI", "x86/test_FISTTP",
         "futex/functional/futex_wait_uninitialized_heap",
         "futex/functional/futex_wait_private_mapped_file"]
MORE_FLAGS = {"x86/check_initial_reg_state": ["-Wl,-ereal_start"]}


def fetch():
    """Returns the folder of the tests' sources. Fetches them unless they exist."""
    have = glob.glob(f"{SOURCES}/*/{BELOW}kselftest.h")
    if have and all(glob.glob(f"{SOURCES}/*/{BELOW}{test}.c") for test in TESTS):
        return os.path.dirname(have[0])
    linux.fetch()  # this also updates apt's list of packages
    print(f"dr7: fetching {PACKAGE}", file=sys.stderr)
    os.makedirs(SOURCES, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dr7-") as folder:
        os.chmod(folder, 0o777)  # apt downloads as another user
        subprocess.run(["apt-get", "download", "-qq", PACKAGE], cwd=folder, check=True)
        subprocess.run(["dpkg", "-x"] + glob.glob(folder + "/*.deb") + [folder + "/root"],
                       check=True)
        archive = glob.glob(folder + "/root/usr/src/*.tar.xz")[0]
        subprocess.run(["tar", "-x", "-f", archive, "-C", SOURCES, "--wildcards"] +
                       [f"*/{BELOW}{name}/*" for name in {t.split("/")[0] for t in TESTS}] +
                       [f"*/{BELOW}*.h"], check=True)
    return os.path.dirname(glob.glob(f"{SOURCES}/*/{BELOW}kselftest.h")[0])


def build():
    """Builds missing programs. Returns the paths of all."""
    os.makedirs(BINARIES, exist_ok=True)
    paths = []
    for test in TESTS:
        path = f"{BINARIES}/{os.path.basename(test)}"
        if not os.path.exists(path):
            folder = fetch()
            subprocess.run(["gcc"] + FLAGS + MORE_FLAGS.get(test, []) +
                           ["-I", folder, "-I", folder + "/futex/include", "-o", path,
                            f"{folder}/{test}.c", "-lm"], check=True)
        paths.append(path)
    return paths

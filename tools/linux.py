# Debian's Linux 6.12 as a second system that runs programs. Its kernel is unpacked below
# build/linux, never installed. It boots in QEMU like dr7, with an archive that is made here.
#
#   linux.py                 fetches it, and prints its path
#   linux.py run             runs one static program on it, as `make exec` does on dr7: its output
#                            and status (PROG, ARGS, FILES, SMP, TIMEOUT in the environment)
import glob
import os
import re
import subprocess
import sys
import tempfile

import emu
import settings

FOLDER = "build/linux"
# Its log goes to the second port, because programs use the first one. A panic ends the machine.
WORDS = ["console=ttyS1,115200", "rdinit=/batch", "panic=-1", "quiet"]
PACKAGE = r"^linux-image-6\.12\.[0-9]+\+deb12-amd64$"


def newest_package():
    """The name of Debian's newest 6.12 kernel; None if apt knows none."""
    found = subprocess.run(["apt-cache", "search", "--names-only", PACKAGE], text=True,
                           stdout=subprocess.PIPE, check=True).stdout
    names = [line.split()[0] for line in found.splitlines()]
    return max(names, key=lambda n: [int(d) for d in re.findall(r"\d+", n)], default=None)


def fetch():
    """Returns the path of the kernel's image. Fetches it unless it exists."""
    have = glob.glob(FOLDER + "/root/boot/vmlinuz-6.12.*")
    if have:
        return have[0]
    name = newest_package()
    if not name:
        print("dr7: apt-get update", file=sys.stderr)
        sudo = [] if os.getuid() == 0 else ["sudo"]
        subprocess.run(sudo + ["apt-get", "-qq", "update"], check=True)
        name = newest_package() or sys.exit("dr7: apt knows no package " + PACKAGE)
    print(f"dr7: fetching {name}", file=sys.stderr)
    os.makedirs(FOLDER + "/root", exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dr7-") as folder:
        os.chmod(folder, 0o777)  # apt downloads as another user
        subprocess.run(["apt-get", "download", "-qq", name], cwd=folder, check=True)
        # Only the kernel itself is unpacked: the modules are large, and none is needed.
        package = subprocess.Popen(["dpkg", "--fsys-tarfile"] + glob.glob(folder + "/*.deb"),
                                   stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", FOLDER + "/root", "--wildcards", "./boot/vmlinuz-*",
                        "./boot/config-*"], stdin=package.stdout, check=True)
        if package.wait():
            sys.exit("dr7: cannot unpack " + name)
    return glob.glob(FOLDER + "/root/boot/vmlinuz-6.12.*")[0]


class Linux(emu.Machine):
    """A QEMU that boots Linux, otherwise like emu.Machine. `arguments`: for /batch."""

    def __init__(self, archive, words=(), arguments=(), **options):
        super().__init__(fetch(), archive, WORDS + list(words) + ["--"] + list(arguments),
                         grub=False, **options)
        self.flags += ["-initrd", archive]


def main():
    import batch  # imported here, because batch imports this module
    if sys.argv[1:2] != ["run"]:
        print(fetch())
        return
    path = settings.program("PROG", settings.variable("PROG"))
    done = batch.run("linux", [[path] + settings.words_of("ARGS")],
                     settings.number("TIMEOUT", 60), files=settings.words_of("FILES"),
                     smp=settings.cpus())[0]
    sys.stdout.buffer.write(done.output)
    sys.stdout.flush()
    print(done.status, file=sys.stderr)
    sys.exit(done.status != "exited 0")


if __name__ == "__main__":
    emu.tidy(main)

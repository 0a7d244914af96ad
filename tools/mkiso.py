# Makes the files that GRUB boots: the cpio archive with the programs, and the ISO with kernel,
# archive and grub.cfg.
#
#   mkiso.py archive OUT.cpio DIRECTORY
#   mkiso.py iso OUT.iso GRUB.CFG KERNEL [ARCHIVE]     for BIOS and UEFI, CD or USB stick
import os
import shutil
import subprocess
import sys
import tempfile

from settings import plainly

GRUB = "/usr/lib/grub/i386-pc"
MODULES = "multiboot2 iso9660 biosdisk normal part_msdos"
# GRUB would load its own drivers, which set other modes than the firmware's driver.
UEFI_SCREEN = 'if [ "$grub_platform" = efi ]; then insmod efi_gop; fi\n'
MAX_CMDLINE = 2000  # the kernel keeps 2047 bytes (CMDLINE_SIZE); GRUB adds a few backslashes
MAX_WORDS = 512     # CMDLINE_WORDS


def make_archive(out, directory):
    """Packs all files below `directory`, with names relative to it, owned by root."""
    names = []
    for folder, folders, files in os.walk(directory):
        names += [os.path.relpath(os.path.join(folder, f), directory) for f in folders + files]
    subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0", "-O",
                    os.path.abspath(out)],
                   input="\n".join(sorted(names)), text=True, cwd=directory, check=True)


def quote(word):
    """Quotes a word so that GRUB's script language reads it unchanged."""
    return "'" + word.replace("'", "'\\''") + "'"


def boot_config(words, archive, uefi=False):
    """A grub.cfg that boots at once, without a menu, with these words as the command line. GRUB
    drops empty words. So an argument that is empty, or only percent signs, gets one more percent
    sign, which the kernel removes (kernel/base/cmdline.c)."""
    at = words.index("--") if "--" in words else len(words)
    words = words[:at] + [w if w.strip("%") else w + "%" for w in words[at:]]
    if sum(len(os.fsencode(w)) + 1 for w in words) > MAX_CMDLINE or len(words) > MAX_WORDS:
        sys.exit(f"dr7: the kernel command line has over {MAX_CMDLINE} bytes or {MAX_WORDS} words")
    if "" in words:
        sys.exit("dr7: the kernel command line has an empty word")
    return ("multiboot2 /boot/kernel.elf " + " ".join(map(quote, words)) + "\n"
            + ("module2 /boot/rootfs.cpio\n" if archive else "")
            # A BIOS machine uses text mode, although multiboot2 would choose a framebuffer.
            + ("" if uefi else "set gfxpayload=text\n") + "boot\n")


def make_iso(out, config, kernel, archive, uefi=False):
    """`config`: the text of grub.cfg; `archive` may be None. Debug information stays out. `uefi`:
    boots with UEFI, too. This costs a second and several megabytes, because all of GRUB is on
    it."""
    only = [] if uefi else ["-d", GRUB, "--install-modules=" + MODULES]
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        os.makedirs(top + "/boot/grub")
        with open(top + "/boot/grub/grub.cfg", "w", encoding="utf-8") as f:
            f.write(UEFI_SCREEN * uefi + config)
        subprocess.run(["strip", "-s", "-o", top + "/boot/kernel.elf", kernel], check=True)
        if archive:
            shutil.copy(archive, top + "/boot/rootfs.cpio")
        made = subprocess.run(["grub-mkrescue", *only, "--locales=", "--fonts=", "--themes=",
                               "-o", out, top],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            sys.exit("dr7: grub-mkrescue failed:\n" + made.stdout)


def main():
    if sys.argv[1] == "archive":
        make_archive(sys.argv[2], sys.argv[3])
    else:
        with open(sys.argv[3], encoding="utf-8") as f:
            make_iso(sys.argv[2], f.read(), sys.argv[4], (sys.argv[5:] or [None])[0], uefi=True)


if __name__ == "__main__":
    plainly(main)

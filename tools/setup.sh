#!/bin/bash
# Installs the Debian packages that dr7 needs and that are missing, and checks the versions that
# matter. Called by every make target; quick and silent when nothing is missing.
#
#   setup.sh [busybox]     with Debian's static busybox
set -eu

# tool or file -> the Debian package that has it
needs="
gcc gcc
ld binutils
/usr/include/stdio.h libc6-dev
/usr/include/linux/perf_event.h linux-libc-dev
nasm nasm
musl-gcc musl-tools
gdb gdb
cpio cpio
xz xz-utils
perf linux-perf
python3 python3
git git
clang-format clang-format
xorriso xorriso
mformat mtools
grub-mkrescue grub-common
/usr/lib/grub/i386-pc/multiboot2.mod grub-pc-bin
qemu-system-x86_64 qemu-system-x86
bochs bochs
/usr/share/bochs/BIOS-bochs-latest bochsbios
/usr/share/bochs/VGABIOS-lgpl-latest vgabios
"
[ "${1-}" != busybox ] || needs="$needs/bin/busybox busybox-static
"

missing=
while read -r thing package; do
    case $thing in
    '') continue ;;
    /*) [ -e "$thing" ] && continue ;;
    *) type -P "$thing" >/dev/null && continue ;;
    esac
    case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done <<<"$needs"

if [ -n "$missing" ]; then
    if ! [ -e /etc/debian_version ] || ! type -P apt-get >/dev/null; then
        echo "dr7: this is not a Debian system; please install what Debian calls:$missing" >&2
        exit 1
    fi
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        if ! type -P sudo >/dev/null; then
            echo "dr7: as root, please run: apt-get install$missing" >&2
            exit 1
        fi
    fi
    echo "dr7: installing$missing" >&2
    apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y"
    { $apt update && $apt install --no-install-recommends $missing; } >&2 ||
        { echo "dr7: apt-get could not install$missing" >&2; exit 1; }
fi

version=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')
if [ "$(printf '%s\n' 7.2 "$version" | sort -V | head -n 1)" != 7.2 ]; then
    echo "dr7: QEMU $version is too old, 7.2 or newer is needed" >&2
    exit 1
fi

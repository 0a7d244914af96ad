#!/bin/bash
# Installs the missing Debian packages of the named groups, and checks the version of QEMU. make
# calls it with the groups that its targets need. It is quick and silent when nothing is missing.
#
#   setup.sh GROUP...     build, image, uefi, qemu, bochs, shell, gdb, debian, test, perf, site,
#                         web, style; all: every one
set -eu

LOG=/tmp/dr7-setup.$$.log

# group, tool or file, its Debian package
needs="
build gcc gcc
build ld binutils
build /usr/include/stdio.h libc6-dev
build /usr/include/linux/perf_event.h linux-libc-dev
build nasm nasm
build musl-gcc musl-tools
build python3 python3
image cpio cpio
image xorriso xorriso
image mformat mtools
image grub-mkrescue grub-common
image /usr/lib/grub/i386-pc/multiboot2.mod grub-pc-bin
uefi /usr/lib/grub/x86_64-efi/multiboot2.mod grub-efi-amd64-bin
uefi /usr/share/ovmf/OVMF.fd ovmf
qemu qemu-system-x86_64 qemu-system-x86
bochs bochs bochs
bochs /usr/share/bochs/BIOS-bochs-latest bochsbios
bochs /usr/share/bochs/VGABIOS-lgpl-latest vgabios
shell /bin/busybox busybox-static
gdb gdb gdb
debian g++ g++
debian make make
debian xz xz-utils
test perf linux-perf
test node nodejs
test chromium chromium
test xz xz-utils
perf flex flex
perf bison bison
perf pkg-config pkg-config
perf xz xz-utils
perf /usr/include/libelf.h libelf-dev
perf /usr/include/zlib.h zlib1g-dev
perf /usr/include/capstone/capstone.h libcapstone-dev
site mkdocs mkdocs
site /usr/share/mkdocs/themes/material/__init__.py mkdocs-material
site git git
web em++ emscripten
web patch patch
web make make
web xz xz-utils
web node nodejs
style git git
style clang-format clang-format
"

# Prints the missing packages of these groups.
missing_of() {
    local group thing package found=
    while read -r group thing package; do
        case " $* " in *" $group "*|*" all "*) ;; *) continue ;; esac
        case $thing in
        /*) [ -e "$thing" ] && continue ;;
        *) type -P "$thing" >/dev/null && continue ;;
        esac
        case " $found " in *" $package "*) ;; *) found="$found $package" ;; esac
    done <<<"$needs"
    echo $found
}

refuse() {
    echo "dr7: $1" >&2
    exit 1
}

# Shows the progress that apt-get reports on its status descriptor, as one line that is overwritten.
progress() {
    while IFS=: read -r _ _ percent _; do
        [ -t 2 ] && printf '\rdr7: %3.0f %%' "$percent" >&2
    done
    ! [ -t 2 ] || printf '\r           \r' >&2
}

install() {
    local sudo=
    [ -e /etc/debian_version ] && type -P apt-get >/dev/null ||
        refuse "this is not a Debian system; please install what Debian calls: $*"
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        type -P sudo >/dev/null || refuse "as root, please run: apt-get install $*"
    fi
    local apt="$sudo env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q -y"
    local want="install --no-install-recommends $*"
    trap 'rm -f "$LOG"' EXIT
    $apt update >"$LOG" 2>&1 || { cat "$LOG" >&2; refuse "apt-get update failed"; }
    local size
    size=$(LC_ALL=C apt-get --assume-no $want 2>/dev/null |
           sed -n 's/^Need to get \(.*\) of archives.*/\1/p') || true
    echo "dr7: installing $* and what they need (${size:-size unknown})" >&2
    { $apt -o APT::Status-Fd=3 $want 3>&1 >"$LOG" 2>&1 | progress; } ||
        { tail -n 20 "$LOG" >&2; refuse "apt-get could not install $*"; }
}

check_qemu() {
    type -P qemu-system-x86_64 >/dev/null || return 0
    version=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')
    [ "$(printf '%s\n' 7.2 "$version" | sort -V | head -n 1)" = 7.2 ] ||
        refuse "QEMU $version is too old, 7.2 or newer is needed"
}

set -o pipefail
missing=$(missing_of "$@")
[ -z "$missing" ] || install $missing
check_qemu

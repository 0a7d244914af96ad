# The user's settings: make variables, which come through the environment and are checked here. A
# tool with a wrong setting ends with one line that names it.
import os
import shlex
import struct
import subprocess
import sys

MAX_CPUS = 64  # arch/x86/layout.h
MIN_MEM = 16   # megabytes; the kernel refuses less
MAX_MEM = 1 << 20
PT_INTERP = 3  # elf(5): the program needs a loader
# The variables by which make and its user set this machine or build.
VARIABLES = ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CORE", "EMU", "SMP", "MEM", "UEFI", "APPEND",
             "QEMU_FLAGS", "TIMEOUT", "PROG", "ARGS", "FILES", "OUT", "T", "SECS", "SHELL_PROG",
             "CMDS", "ICOUNT", "DEBUG", "HWBP", "LOG", "B"]


def variable(name, otherwise=""):
    return os.environ.get(name) or otherwise


def without_settings():
    """The environment for a make that has its own settings."""
    return {k: v for k, v in os.environ.items() if k not in VARIABLES}


def number(name, otherwise, low=0, high=1 << 31, kind=int):
    """Returns the variable as a number from `low` to `high`."""
    text = variable(name, str(otherwise))
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        sys.exit(f"dr7: {name}={text}: a number from {low} to {high} is wanted")
    return value


def choice(name, allowed):
    """Returns one of `allowed`, the first if nothing is set."""
    value = variable(name, allowed[0])
    if value not in allowed:
        sys.exit(f"dr7: {name}={value}: it is {' or '.join(allowed)}")
    return value


def words_of(name):
    """A variable's words, as the shell would split them."""
    try:
        return shlex.split(variable(name))
    except ValueError as problem:
        sys.exit(f"dr7: {name}=: {problem}")


def one_word(name):
    if len(variable(name).split()) > 1:
        sys.exit(f"dr7: {name}={variable(name)}: one name at a time")
    return variable(name)


def emulator():
    return choice("EMU", ["qemu", "bochs"])


def cpus(otherwise=2):
    return number("SMP", otherwise, 1, MAX_CPUS)


def megabytes():
    return number("MEM", 256, MIN_MEM, MAX_MEM)


def uefi():
    if choice("UEFI", ["0", "1"]) == "1" and emulator() != "qemu":
        sys.exit("dr7: UEFI=1: there is firmware for QEMU only")
    return variable("UEFI") == "1"


def icount():
    """True if the count of instructions is the time."""
    on = choice("ICOUNT", ["0", "1"]) == "1"
    if on and (emulator() != "qemu" or cpus() != 1):
        sys.exit("dr7: ICOUNT=1: it needs QEMU and one CPU")
    return on


def timeout(otherwise):
    """Seconds; 0: no limit."""
    return number("TIMEOUT", otherwise, kind=float)


def wants_loader(f, header):
    """True if a program header of the ELF file names the loader of dynamic libraries."""
    at, = struct.unpack_from("<Q", header, 32)
    size, count = struct.unpack_from("<HH", header, 54)
    f.seek(at)
    table = f.read(size * count)
    return PT_INTERP in (struct.unpack_from("<I", table, n)[0]
                         for n in range(0, len(table) - 3, size or len(table)))


def program(name, path):
    """Returns `path`, which the variable `name` has, if dr7 can run it: a static ELF file for
    x86-64, or a script."""
    if not os.path.isfile(path):
        sys.exit(f"dr7: {name}={path}: there is no such file")
    with open(path, "rb") as f:
        header = f.read(64)
        if header.startswith(b"#!"):
            return path
        if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01" or header[18:20] != b"\x3e\x00":
            sys.exit(f"dr7: {name}={path}: no program for x86-64 (an ELF file)")
        if wants_loader(f, header):
            sys.exit(f"dr7: {name}={path}: dynamically linked; compile it with -static")
    return path


def plainly(main):
    """Runs main(). Prints an error of the system in one line."""
    try:
        main()
    except BrokenPipeError:  # emu.tidy() handles it
        raise
    except subprocess.CalledProcessError as problem:
        sys.exit(f"dr7: {problem.cmd[0]} failed with status {problem.returncode}")
    except OSError as problem:
        sys.exit(f"dr7: {problem.filename or sys.argv[0]}: {problem.strerror}")

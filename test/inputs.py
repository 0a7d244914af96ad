# Wrong inputs of users: each gets one clear line and a failing status, never a traceback or no
# answer.
import os
import subprocess

PROGRAMS = "build/user/bin/"
LIMIT = 120  # seconds for each

# The command, its variables, and the line that must answer.
BOOT_RUN, BOOT_EXEC = ["tools/boot.py", "run"], ["tools/boot.py", "exec"]
DEBUG, LINUX, TEST = ["tools/debug.py"], ["tools/linux.py", "run"], ["test/run.py"]
CASES = [
    (BOOT_EXEC, {"MEM": "1"}, "dr7: MEM=1: a number from 16 to 1048576 is wanted"),
    (BOOT_EXEC, {"MEM": "x"}, "dr7: MEM=x: a number from 16 to 1048576 is wanted"),
    (BOOT_EXEC, {"OUT": "/nosuch/x"}, "dr7: /nosuch/x: No such file or directory"),
    (BOOT_EXEC, {"SMP": "0"}, "dr7: SMP=0: a number from 1 to 64 is wanted"),
    (BOOT_EXEC, {"SMP": "65"}, "dr7: SMP=65: a number from 1 to 64 is wanted"),
    (DEBUG + ["bochs"], {"SMP": "99"}, "dr7: SMP=99: a number from 1 to 64 is wanted"),
    (DEBUG + ["bochs"], {"CMDS": "nosuch"}, "dr7: nosuch: No such file or directory"),
    (BOOT_EXEC, {"EMU": "vmware"}, "dr7: EMU=vmware: it is qemu or bochs"),
    (BOOT_EXEC, {"UEFI": "1", "EMU": "bochs"}, "dr7: UEFI=1: there is firmware for QEMU only"),
    (BOOT_EXEC, {"ICOUNT": "1"}, "dr7: ICOUNT=1: it needs QEMU and one CPU"),
    (BOOT_EXEC, {"TIMEOUT": "soon"}, "dr7: TIMEOUT=soon: a number from 0 to 2147483648 is wanted"),
    (BOOT_EXEC, {"ARGS": "'"}, "dr7: ARGS=: No closing quotation"),
    (BOOT_EXEC, {"PROG": ""}, "dr7: PROG=: there is no such file"),
    (BOOT_EXEC, {"PROG": "README.md"},
     "dr7: PROG=README.md: no program for x86-64 (an ELF file)"),
    (LINUX, {"PROG": "README.md"}, "dr7: PROG=README.md: no program for x86-64 (an ELF file)"),
    (BOOT_EXEC, {"PROG": "/bin/ls"},
     "dr7: PROG=/bin/ls: dynamically linked; compile it with -static"),
    (BOOT_RUN, {"SHELL_PROG": "/bin/ls"},
     "dr7: SHELL_PROG=/bin/ls: dynamically linked; compile it with -static"),
    (BOOT_RUN, {"SHELL_PROG": "nosuch"}, "dr7: SHELL_PROG=nosuch: there is no such file"),
    (TEST, {"T": "a b"}, "dr7: T=a b: one name at a time"),
    (TEST, {"T": "bad-inputs"},
     "dr7: no test is named bad-inputs; is bad-input meant?"),
    (["tools/console.py"], {}, "dr7: the console needs a terminal"),
    (["tools/compare.py"], {"SEEDS": "x"}, "dr7: SEEDS=x: it is a number, or FIRST-LAST"),
    (["tools/compare.py"], {"OPS": "0"}, "dr7: OPS=0: a number from 1 to 2147483648 is wanted"),
]
MAKE_CASES = [
    ("iso HWBP=2", "dr7: HWBP=2: it is 0 or 1"),
    ("iso DEBUG=yes", "dr7: DEBUG=yes: it is 0 or 1"),
    ("iso <.", "dr7: standard input is a directory"),
]
# Words of the kernel's command line, the line that names them, and the status.
KERNEL_CASES = [
    ("test=nosuch", 'dr7: no built-in test is named "nosuch"', 1),
    ("nosuch=1", 'cmdline: unknown word "nosuch=1"', 0),
    ("-- nosuch", "init: /bin/nosuch: No such file or directory", 1),
    ("slots=wrong", "dr7: slots= names no rule set (2009, exact, mainline)", 1),
]


def ask(command, variables, typed=""):
    """Returns (status, the output without make's own lines)."""
    inherited = {k: v for k, v in os.environ.items()
                 if k not in ("T", "SECS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    settings = dict(inherited, EMU="qemu", SMP="2", MEM="256", APPEND="", QEMU_FLAGS="",
                    PROG=PROGRAMS + "true", **{"TEST_EMU": "", "TEST_SMP": ""})
    done = subprocess.run(command, env=dict(settings, **variables), text=True, timeout=LIMIT,
                          input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def check(build):
    """What is wrong ("": nothing), and the same as lines."""
    wrong = []
    for script, variables, answer in CASES:
        command = ["python3", "-B", *script, "--build", build]
        status, said = ask(command, variables)
        if status == 0 or said.strip() != answer:
            wrong.append(f"{script} {variables}: status {status}, said: {said}")
    for words, answer in MAKE_CASES:
        status, said = ask(["bash", "-c", "make " + words], {})
        if status == 0 or answer not in said or len(said.splitlines()) != 1:
            wrong.append(f"make {words}: status {status}, said: {said}")
    for word, answer, wanted in KERNEL_CASES:
        status, said = ask(["python3", "-B", *BOOT_RUN, "--build", build],
                           {"APPEND": word + " init=/bin/true"})
        if (status != 0) != wanted or said.replace("\r", "").split("\n").count(answer) != 1:
            wrong.append(f"{word}: status {status}, said: {said}")
    # The status of the shell is not the status of the machine.
    status, said = ask(["python3", "-B", *BOOT_RUN, "--build", build], {"SHELL_PROG": "sh"},
                       "exit 127\n")
    if status != 0 or "exit 127" not in said:
        wrong.append(f"a shell that ends with 127: status {status}, said: {said}")
    return "; ".join(wrong), wrong

# Runs a hand-in's kernel in QEMU, and reads what QEMU saw.
import contextlib
import os
import re
import subprocess
import sys
import tempfile

from labs import bench, lab

sys.path[:0] = [lab.ROOT + "/tools", lab.ROOT + "/test"]
import batch  # noqa: E402
import emu  # noqa: E402
import kgdb  # noqa: E402
import mkiso  # noqa: E402
from witness import DB, GP  # noqa: E402,F401


def symbols(kernel, static=False):
    """name -> address, of the functions and variables that other files can see, or of all."""
    lines = bench.run(["nm", kernel] + ["-g"] * (not static)).stdout.splitlines()
    return {name: int(address, 16) for address, _, name in (line.split() for line in lines)}


def last_words(why):
    """The words of a panic after a blank, without the parts that differ between runs."""
    panic = re.search(r"PANIC: (?:\S+\.c:\d+: )?(.*)", why)
    return " " + re.sub(r"\d", "", panic[1]) if panic else ""


def archive(program, name, *files):
    """Makes the kernel's archive: this program as /NAME, and files in the root."""
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        os.link(program, f"{top}/{name}")
        for path in files:
            os.link(path, f"{top}/{os.path.basename(path)}")
        mkiso.make_archive(program + ".cpio", top)
    return program + ".cpio"


def execute(tree, build, program, arguments, append="", files="", seconds=60):
    """Runs a program with `make exec`. Returns (its output, the host's messages)."""
    done = subprocess.run(
        [sys.executable, "-B", tree + "/tools/boot.py", "exec", "--build", build], cwd=tree,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        env=dict(os.environ, PROG=program, ARGS=arguments, EMU="qemu", SMP="2", APPEND=append,
                 TIMEOUT=str(seconds), FILES=files, QEMU_FLAGS="", OUT=""))
    return done.stdout.replace("\r", ""), done.stderr


def on_linux(program, arguments, files=(), seconds=60):
    """Returns the output of a program on Linux 6.12 in QEMU. User memory ends at the same address
    as on dr7."""
    with contextlib.chdir(lab.ROOT):  # tools/linux.py keeps its kernel there
        bench.must(bench.make(lab.ROOT, batch.INIT))
        try:
            done = batch.run("linux", [[program, *arguments]], seconds, files=files, smp=1,
                             flags=["-cpu", "max,la57=off"])[0]
        except (SystemExit, subprocess.CalledProcessError) as problem:
            raise bench.Broken(f"Debian's Linux 6.12 cannot be had: {problem}") from None
    return done.output.decode(errors="replace").replace("\r", "")


def boot(kernel, words, seconds, archive=None, smp=1, witness=True, **options):
    """Returns (its output, the #DBs and #GPs that QEMU saw, a sentence about its end)."""
    output = bytearray()
    with emu.Machine(kernel, archive, words, smp=smp, witness=witness, **options) as m:
        m.start()
        off = m.pump(output.extend, seconds)
        said = output.decode(errors="replace").replace("\r", "")
        panic = next((line for line in said.split("\n") if line.startswith("PANIC")), "")
        end = panic or ("the machine went off" if off else f"it does not end in {seconds} seconds")
        return said, m.exceptions(DB, GP), end


def under_gdb(kernel, words, script, seconds):
    """Runs a real gdb on the kernel's own stub. `script`: pairs of a command and a regular
    expression for its answer. Returns (the first wrong answer as a sentence or "", the answers, the
    #DBs that QEMU saw)."""
    with emu.Machine(kernel, None, words, smp=1, witness=True) as m:
        output, _ = kgdb.converse(m, kernel, m.start(serve_com2=True), script, seconds)
        answers = kgdb.answers(output) + [""] * len(script)  # gdb may have ended early
        wrong = next((f'gdb answers to "{command}": {answer.strip() or "nothing"}'
                      for (command, wanted), answer in zip(script, answers)
                      if not re.search(wanted, answer)), "")
        return wrong, answers, m.exceptions(DB)

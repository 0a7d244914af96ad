# `make recording`: the file has the typed text and the output, in the order of time.
import json
import os
import subprocess
import sys
import tempfile

WANTED = ["ps\r\n", " reaper", "Tasks A to H on 2 CPUs", "trace next_tid", "task_new+0x", "hwbp",
          "dr7: init exited with status 0"]


def check(timeout):
    """What is wrong ("": nothing), and the recording's lines."""
    settings = dict(os.environ, EMU="qemu", SMP="2", MEM="256", APPEND="", QEMU_FLAGS="",
                    SHELL_PROG="", CMDS="", MAKEFLAGS="", MAKELEVEL="")
    with tempfile.TemporaryDirectory(prefix="dr7-") as folder:
        path = folder + "/session.cast"
        done = subprocess.run([sys.executable, "-B", "tools/recording.py", path], env=settings,
                              timeout=timeout, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(path, encoding="utf-8") as f:
            header, *pieces = map(json.loads, f)
    wrong = [done.stdout.strip()] * (done.returncode != 0)
    shape = [header[key] for key in ("version", "width", "height")]
    wrong += [f"the header: {shape}"] * (shape != [2, 80, 24])
    wrong += ["times"] * any(a[0] > b[0] for a, b in zip(pieces, pieces[1:]))
    said = rest = "".join(text for _, _, text in pieces)
    for want in WANTED:
        _, found, rest = rest.partition(want)
        wrong += [f"no {want!r}"] * (not found)
    return "; ".join(wrong), said.splitlines()

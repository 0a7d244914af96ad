# Makes random system calls on dr7's debug build (test/fuzz). A finding is made small: its round is
# played again, with fewer and fewer calls.
#
#   fuzz.py KERNEL PROGRAM
#
# Variables: SECS=60; SEED=n (default: a new one); FIRST=first round; ROUNDS=n; SMP=4; MEM=512;
# SMALLER=0: findings are not made small; KEPT=file: only the calls in this file.
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import emu
import mkiso
from settings import choice, cpus, megabytes, number, variable

FOLDER = "build/fuzz"
SLOW = 120      # seconds that a boot may take in addition to the time for playing
AGAIN_SECS = 20  # seconds to see a finding again
REPEATS = 200    # of its round in that time
REPORT_LINES = 40  # of a panic
LAST_WORDS = re.compile(r"^(?:PANIC|dr7: ).*$", re.M)


@dataclass
class Outcome:
    wrong: str   # "": nothing
    round: int   # the last one
    rounds: int
    calls: int
    log: str


def archive_of(top, program, kept):
    root = top + "/root"
    os.mkdir(root)
    shutil.copy(program, root + "/fuzz")
    os.chmod(root + "/fuzz", 0o755)
    if kept is not None:
        with open(root + "/kept", "w", encoding="utf-8") as f:
            f.writelines(f"{stream} {index}\n" for stream, index in kept)
    mkiso.make_archive(top + "/archive", root)
    return top + "/archive"


def judge(off, said, log):
    """What went wrong in a machine. `off`: it went off; `said`: its lines."""
    if faults := [line for line in said if line.startswith("fault ")]:
        return faults[0].split(" ", 2)[2]
    if not off:
        return "the machine stands still"
    if not any(line.startswith("end ") for line in said):
        found = LAST_WORDS.findall(log)
        return found[0] if found else "the machine went off"
    return ""


def play(kernel, program, words, seconds, kept=None):
    """One boot."""
    with tempfile.TemporaryDirectory(prefix="dr7-") as top:
        archive = archive_of(top, program, kept)
        words = ["init=/fuzz", "tty=raw", "log=com2", "vga=0", "--"] + words
        with emu.Machine(kernel, archive, words, smp=cpus(4), mem=megabytes(),
                         to_host=True) as m:
            console = bytearray()
            m.start()
            off = m.pump(console.extend, seconds + SLOW)
            log = (m.com2_output + console).decode(errors="replace").replace("\r", "")
            said = m.host_output.decode(errors="replace").replace("\r", "").split("\n")
    rounds = [int(line.split()[1]) for line in said if re.fullmatch(r"round \d+", line)]
    end = next((line.split() for line in said if line.startswith("end ")), ["end", "0", "0"])
    return Outcome(judge(off, said, log), rounds[-1] if rounds else 0, len(rounds), int(end[2]),
                   log)


def last_words(log):
    """The report of a panic. It is printed, because a CI record has only the output."""
    found = LAST_WORDS.search(log)
    return log[found.start():].splitlines()[:REPORT_LINES] if found else []


def kind_of(wrong):
    """The same fault in two boots has the same kind: numbers do not count."""
    return re.sub(r"0x[0-9a-f]+|\d+", "N", wrong)


class Smaller:
    """Drops calls of a round for as long as its fault is seen again."""

    def __init__(self, kernel, program, seed, found):
        self.kernel, self.program, self.found = kernel, program, found
        self.words = [f"seed={seed}", f"first={found.round}", "rounds=1", f"secs={AGAIN_SECS}",
                      f"repeat={REPEATS}"]
        listed = subprocess.run([program, "list", f"seed={seed}", f"first={found.round}"],
                                capture_output=True, text=True, check=True).stdout
        self.text = {tuple(line.split()[:2]): line for line in listed.splitlines()}

    def again(self, kept):
        got = play(self.kernel, self.program, self.words, AGAIN_SECS, kept)
        return kind_of(got.wrong) == kind_of(self.found.wrong)

    def run(self):
        """The calls that are enough, or None when the round alone does not show the fault."""
        kept, parts = list(self.text), 2
        if not self.again(kept):
            return None
        while len(kept) > 1:
            size = -(-len(kept) // parts)
            pieces = [kept[at:at + size] for at in range(0, len(kept), size)]
            for piece in pieces:
                fewer = [call for call in kept if call not in piece]
                if fewer and self.again(fewer):
                    kept, parts = fewer, max(2, parts - 1)
                    print(f"fuzz: {len(kept)} calls are enough", flush=True)
                    break
            else:
                if size == 1:
                    break
                parts = min(len(kept), parts * 2)
        return kept


def make_smaller(kernel, program, seed, found):
    smaller = Smaller(kernel, program, seed, found)
    kept = smaller.run()
    if kept is None:
        print(f"fuzz: round {found.round} alone does not show it again")
        return
    path = f"{FOLDER}/kept-{seed}-{found.round}"
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(" ".join(call) + "\n" for call in kept)
    print(f"fuzz: these calls are enough (make fuzz SEED={seed} FIRST={found.round} ROUNDS=1 "
          f"KEPT={path}):")
    for call in kept:
        print("  " + smaller.text[call])


def main():
    kernel, program = sys.argv[1:3]
    seed, seconds, kept = number("SEED", random.getrandbits(31)), number("SECS", 60), None
    words = [f"seed={seed}", f"first={number('FIRST', 0)}", f"secs={seconds}"]
    if variable("ROUNDS"):
        words += [f"rounds={number('ROUNDS', 1)}", f"repeat={REPEATS}"]
    if variable("KEPT"):
        with open(variable("KEPT"), encoding="utf-8") as f:
            kept = [tuple(line.split()[:2]) for line in f]
    print(f"fuzz: SEED={seed} SECS={seconds}", flush=True)
    found = play(kernel, program, words, seconds, kept)
    print(f"fuzz: {found.rounds} rounds, {found.calls} calls", flush=True)
    if found.wrong:
        log = f"{FOLDER}/{seed}-{found.round}.log"
        with open(log, "w", encoding="utf-8") as f:
            f.write(found.log)
        print(f"fuzz: round {found.round}: {found.wrong}\n  log: {log}\n"
              f"  again: make fuzz SEED={seed} FIRST={found.round}", flush=True)
        for line in last_words(found.log):
            print("  | " + line)
        if choice("SMALLER", ["1", "0"]) == "1":
            make_smaller(kernel, program, seed, found)
    print("0 passed, 1 failed, 0 skipped" if found.wrong else "1 passed, 0 failed, 0 skipped")
    sys.exit(1 if found.wrong else 0)


if __name__ == "__main__":
    emu.tidy(main)

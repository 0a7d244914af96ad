# Boots the tests oom.* on the debug build, and tells which places that allocate memory have failed.
# The tests write the callers of each failure to /dev/host, and the disassembly has all calls. A
# place is a line of the source. A place that never failed is an error, unless it is in AT_BOOT.
#
#   oom.py BUILD
import os
import re
import subprocess
import sys

import emu

ALLOCATORS = "kalloc|pages_alloc|page_alloc_zeroed|kstack_alloc"
CALL = re.compile(rf"call\s+[0-9a-f]+ <({ALLOCATORS})>$")
ADDRESS = re.compile(r"^\s*([0-9a-f]{16}):\t")
TIMEOUT = 300
# Functions that allocate only while the machine starts.
AT_BOOT = {"cpu_give_stacks": "a CPU that finds no memory is left out",
           "start_cpu": "a CPU that finds no memory is left out",
           "must_alloc": "without memory for guests the kernel panics"}


def calls(build):
    """The return addresses of all calls of the allocators."""
    found, after_call = [], False
    with open(build + "/kernel.asm", encoding="utf-8") as f:
        for line in f:
            address = ADDRESS.match(line)
            if address and after_call:
                found.append(int(address[1], 16))
            after_call = bool(CALL.search(line.rstrip()))
    return found


def places(build, addresses):
    """The place and the function of each call, by its return address."""
    asked = [hex(address - 1) for address in addresses]
    lines = subprocess.run(["addr2line", "-f", "-e", build + "/kernel.elf"] + asked, text=True,
                           capture_output=True, check=True).stdout.splitlines()
    here = os.getcwd() + "/"
    return {address: (line.split(" ")[0].removeprefix(here), function)
            for address, function, line in zip(addresses, lines[::2], lines[1::2])}


def run(build):
    """Returns the callers of each failure, and the output of the tests."""
    output = bytearray()
    words = ["init=/bin/utest", "--", "oom"]
    with emu.Machine(build + "/kernel.elf", "build/rootfs.cpio", words, to_host=True) as m:
        m.start()
        off = m.pump(output.extend, TIMEOUT)
        said = m.host_output.decode(errors="replace")
    if not off or b"not ok" in output:
        sys.exit("dr7: the tests failed:\n" + output.decode(errors="replace"))
    return [{int(word, 16) for word in line.split()[1:]} - {0} for line in said.splitlines()]


def main():
    build = sys.argv[1]
    failures = run(build)
    where = places(build, sorted(set(calls(build)).union(*failures)))
    failed = {}
    for callers in failures:
        for place in {where[caller] for caller in callers}:
            failed[place] = failed.get(place, 0) + 1
    sites = sorted({where[call] for call in calls(build)})
    sites = [site for site in sites if not site[0].startswith("test/")]
    missed = [site for site in sites if site not in failed]
    for site in sites:
        reason = AT_BOOT.get(site[1], "NEVER FAILED") if site in missed else ""
        print(f"{failed.get(site, 0):6}  {site[0]:32} {site[1]:24} {reason}".rstrip())
    bad = sum(site[1] not in AT_BOOT for site in missed)
    print(f"oom: {len(failures)} failures at {len(sites) - len(missed)} of {len(sites)} places")
    print(f"{len(sites) - len(missed)} passed, {bad} failed, {len(missed) - bad} skipped")
    sys.exit(bad > 0)


if __name__ == "__main__":
    emu.tidy(main)

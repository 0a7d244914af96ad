# Boots the tests oom.* on the debug build and tells which places that allocate memory have failed
# in them: the tests write the callers of each failure to /dev/host, the disassembly has all calls.
#
#   oom.py BUILD
import re
import subprocess
import sys

import emu

ALLOCATORS = "kalloc|pages_alloc|page_alloc_zeroed|kstack_alloc"
CALL = re.compile(rf"call\s+[0-9a-f]+ <({ALLOCATORS})>$")
ADDRESS = re.compile(r"^\s*([0-9a-f]{16}):\t")
TIMEOUT = 300


def calls(build):
    """Return addresses of all calls of the allocators."""
    found, after_call = [], False
    with open(build + "/kernel.asm", encoding="utf-8") as f:
        for line in f:
            address = ADDRESS.match(line)
            if address and after_call:
                found.append(int(address[1], 16))
            after_call = bool(CALL.search(line.rstrip()))
    return found


def places(build, addresses):
    """File and line of each call, by its return address."""
    asked = [hex(address - 1) for address in addresses]
    done = subprocess.run(["addr2line", "-e", build + "/kernel.elf"] + asked, text=True,
                          capture_output=True, check=True).stdout.split("\n")
    return {address: line.rsplit("/", 3)[-3:] for address, line in zip(addresses, done)}


def main():
    build = sys.argv[1]
    output = bytearray()
    words = ["init=/bin/utest", "--", "oom"]
    with emu.Machine(build + "/kernel.elf", "build/rootfs.cpio", words, to_host=True) as m:
        m.start()
        off = m.pump(output.extend, TIMEOUT)
        said = m.host_output.decode(errors="replace")
    reached = {}
    for line in said.splitlines():
        for caller in {int(word, 16) for word in line.split()[1:]}:
            reached[caller] = reached.get(caller, 0) + 1
    sites = calls(build)
    where = places(build, sites)
    for site in sites:
        print(f"{reached.get(site, 0):6}  {'/'.join(where[site])}")
    missed = sum(site not in reached for site in sites)
    print(f"oom: {len(said.splitlines())} failures at {len(sites) - missed} of {len(sites)} places")
    if not off or b"not ok" in output:
        sys.exit("dr7: the tests failed:\n" + output.decode(errors="replace"))


if __name__ == "__main__":
    emu.tidy(main)

# Debian's static busybox as the shell: the typed lines, and the answers.
import os
import re
import tempfile

import emu
import mkiso
from boot import with_program

PROMPT = b"$ \x1b[6n"  # and a question for the cursor's position
SESSION = """\
cd /tmp; uname -sn
echo a b | tr a-z A-Z > x; cat < x; ls
sleep 1000 & until ps | grep sleep; do :; done
kill $!; wait $!; echo status $?
stty size
for i in 1 2 3; do echo $i; done | awk '{s += $1} END {print "sum", s}'
sleep 1000 | cat & kill %1; echo end
help | grep -c '^  hwbp: '; hwbp -h; bptop -x; echo usage $?
trace nosuch; slots wrong
trace -b next_tid -- true >seen; bptop -n 1 >>seen; help >>seen; demo >>seen; hwbp >>seen
for p in bptop dbg demo guest hwbp ls perf slots timeline trace utest; do $p -h; done >>seen
echo wide $(awk 'length > 80' <seen | wc -l); grep -c 'none lost, none stray' seen
demo -l -s 4 >slow & until [ -s slow ]; do :; done; kill -INT $!
wait $!; echo status $?; awk '/WRONG/' <slow
again x
exit
"""
ANSWERS = [r"Linux dr7$", r"A B$", r"x$", r" +\d+ +\d+ S +\d+ sleep$", r"status 143$",
           r"50 255$", r"sum 6$", r"end$", r"1$", r"hwbp: the debug", r"usage: bptop", r"usage 2$",
           r"trace: nosuch: no such kernel symbol$",
           r"slots: wrong: the rule sets are 2009, exact and mainline$",
           r"wide 0$", r"1$", r"status 0$", r"/bin/hello from of 3$",
           r"dr7: init exited with status 0$"]
# The terminal's size (linux/fs/naws.h): 255 columns, 50 rows.
SIZE = b"\xff\xfa\x1f\x00\xff\xff\x00\x32\xff\xf0"
# A script, and another one whose interpreter is the first.
SCRIPTS = {"hello": "#! /bin/busybox  sh\t \necho $0 $1 of $#\n", "again": "#!/bin/hello from\n"}


def check(kernel, timeout):
    """Returns what is missing in the session ("": nothing), and the console's output."""
    output, lines = bytearray(), SESSION.splitlines(keepends=True)
    (reader, writer), (notices, notice) = os.pipe(), os.pipe()

    def sink(data):
        if not output:
            os.write(notice, SIZE)
        output.extend(data)
        if lines and output.endswith(PROMPT):  # types a line at each prompt
            os.write(writer, lines.pop(0).encode())

    with tempfile.TemporaryDirectory() as top, open(reader, "rb"), open(writer, "wb"):
        archive = with_program(top, "/bin/busybox", "busybox")
        for name, text in SCRIPTS.items():
            with open(f"{top}/root/bin/{name}", "w", opener=lambda *how: os.open(*how, 0o755)) as f:
                f.write(text)
        mkiso.make_archive(archive, top + "/root")
        with emu.Machine(kernel, archive, ["init=/bin/init", "--", "busybox"]) as m:
            m.start()
            m.pump(sink, timeout, reader, notices=notices)
    said = output.decode(errors="replace").replace("\r", "").split("\n")
    rest = iter(said)
    missing = [want for want in ANSWERS if not any(re.match(want, line) for line in rest)]
    return f"no line {missing[0]}" if missing else "", said

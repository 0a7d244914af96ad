# `make web-test`: the page of `make web` in headless Chromium. Its tours must have the same numbers
# as native Bochs.
import contextlib
import functools
import http.server
import json
import os
import re
import shlex
import sys
import threading

sys.path[:0] = ["tools", "tools/web"]
import browser  # noqa: E402
import debug  # noqa: E402
import tours  # noqa: E402
from docs_site import Quiet  # noqa: E402
from pack import parts_of  # noqa: E402
from report import Skip  # noqa: E402

SITE, MADE = "build/web", "build/web-bochs"


@contextlib.contextmanager
def served():
    """Serves the site, and yields its address."""
    if not os.path.exists(SITE + "/dr7.html"):
        raise Skip("make web has not been called")
    if browser.missing():
        raise Skip(browser.missing())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def in_bochs(words, pack):
    """Runs native Bochs with the page's kernels, programs and memory, like tools/web/tours.py."""
    append = words.removeprefix(" ".join(tours.WORDS))
    return shlex.join(["env", "MEM=32", "SMP=1", "APPEND=" + append, sys.executable, "-B", __file__,
                       "native", pack or ""])


def lines_of(tour):
    """The lines of a tour. Ticks count from its first one, because the page's CD has another GRUB
    line. That line is longer, so a task may get other pages. So CR3 is not compared."""
    text = "\n".join(f"{tour['name']}: {typed}: {line}" for step in tour["steps"]
                     for typed, shown in step["lines"] for line in shown)
    text = re.sub(r"CR3=0x\w+", "CR3=", text)
    ticks = re.findall(r"t=(\d+)", text) or [0]
    return re.sub(r"t=(\d+)", lambda m: f"t={int(m[1]) - int(ticks[0])}", text).split("\n")


def other_than_native():
    """The lines of the page's tours that differ from native Bochs."""
    with open(SITE + "/dr7.pack.gz", "rb") as f:
        parts = parts_of(f.read())
    page, native = ([line for tour in made for line in lines_of(tour)]
                    for made in (json.loads(parts["tours"]), tours.made(in_bochs)))
    other = [f"{ours}, natively {theirs}" for ours, theirs in zip(page, native) if ours != theirs]
    return other + ["other numbers of lines"] * (len(page) != len(native))


def check(*picture):
    """Returns what is wrong ("": nothing), and the browser's output."""
    with served() as address:
        wrong, lines = browser.run("test/web.mjs", address, SITE, f"{MADE}/{tours.LAB}/build",
                                   *picture, timeout=900)
    other = other_than_native()
    return "; ".join(wrong + other), lines + other


def main():
    """web.py [PICTURE]: only the test, and a screenshot. web.py native: Bochs, for in_bochs()."""
    if sys.argv[1:2] == ["native"]:
        debug.ARCHIVE = None if sys.argv[2] else f"{MADE}/rootfs.cpio"
        return debug.bochs(f"{MADE}/{tours.LAB}/build/core/debug" if sys.argv[2] else "build")
    try:
        wrong, lines = check(*sys.argv[1:])
    except Skip as reason:
        sys.exit(f"dr7: {reason}")
    print("\n".join(lines) + f"\n\n{int(not wrong)} passed, {int(bool(wrong))} failed, 0 skipped")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

# `make web-test`: the page of `make web`, in headless Chromium.
import contextlib
import functools
import http.server
import os
import sys
import threading

import browser
from docs_site import Quiet
from report import Skip

SITE = "build/web"


@contextlib.contextmanager
def served():
    """The address of the site, or the reason why there is none."""
    if not all(map(os.path.exists, [SITE + "/dr7.html", "build/kernel.json"])):
        raise Skip("make web web-table has not been called")
    if browser.missing():
        raise Skip(browser.missing())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def check(*picture):
    """What is wrong ("": nothing), and what the browser said."""
    with served() as address:
        wrong, lines = browser.run("test/web.mjs", address, SITE, *picture, timeout=900)
    return "; ".join(wrong), lines


def main():
    """web.py [PICTURE]: the test alone, and a screenshot."""
    try:
        wrong, lines = check(*sys.argv[1:])
    except Skip as reason:
        sys.exit(f"dr7: {reason}")
    print("\n".join(lines))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

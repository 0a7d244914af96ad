# `make web-test`: the page of `make web`, in headless Chromium.
import functools
import http.server
import os
import sys
import threading

import browser
from docs_site import Quiet
from report import Skip

SITE = "build/web"


def check(*picture):
    """What is wrong ("": nothing), and what the browser said."""
    if not os.path.exists(SITE + "/dr7.pack.gz"):
        raise Skip("make web has not been called")
    if browser.missing():
        raise Skip(browser.missing())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wrong, lines = browser.run("test/web.mjs", f"http://127.0.0.1:{server.server_port}", SITE,
                               *picture, timeout=900)
    server.shutdown()
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

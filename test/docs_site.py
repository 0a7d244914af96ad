# `make site`: mkdocs finds no broken link, and a browser without network can read the site.
import functools
import http.server
import subprocess
import sys
import tempfile
import threading

import browser
from report import Skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def check(timeout):
    """Returns what is wrong ("": nothing), and the output of mkdocs and the browser."""
    if browser.missing():
        raise Skip(browser.missing())
    with tempfile.TemporaryDirectory(prefix="dr7-") as folder:
        done = subprocess.run([sys.executable, "-B", "tools/site.py", folder], text=True,
                              timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            return f"make site: status {done.returncode}", done.stdout.splitlines()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                 functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wrong, lines = browser.run("test/site.mjs", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    return "; ".join(wrong), lines

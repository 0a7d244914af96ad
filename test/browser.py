# Headless Chromium, driven by Playwright. Only tests need them.
import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request

PLAYWRIGHT = "https://registry.npmjs.org/playwright-core/-/playwright-core-1.48.0.tgz"
SHA512 = "RBvzjM9rdpP7UUFrQzRwR8L/xR4HyC1QXMzGYTbf1vjw25/ya9NRAVnXi/0fvFopjebvyPzsmoK58xxeEOaVvA=="
HOME = "build/node/node_modules/playwright-core"  # test/*.mjs expect it there


def missing():
    """Returns why the tests cannot run ("": they can). Fetches Playwright once."""
    for tool in ("chromium", "node"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    if not os.path.exists(HOME + "/package.json"):
        try:
            fetch()
        except (urllib.error.URLError, TimeoutError) as problem:
            return f"playwright-core cannot be fetched: {problem}"
    return ""


def fetch():
    with urllib.request.urlopen(PLAYWRIGHT, timeout=60) as answer:
        data = answer.read()
    if hashlib.sha512(data).digest() != base64.b64decode(SHA512):
        raise SystemExit(f"dr7: {PLAYWRIGHT}: not the file that was pinned")
    part = f"{HOME}.{os.getpid()}"
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(part)  # its only folder is named package
    os.rename(part + "/package", HOME)
    os.rmdir(part)


def run(script, *arguments, timeout=300):
    """Returns the complaints of a script in test/, and all its output. A line that begins with # is
    no complaint."""
    done = subprocess.run(["node", script, *arguments], timeout=timeout, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    lines = done.stdout.splitlines()
    wrong = [line for line in lines if not line.startswith("#")]
    return wrong or [f"node ended with {done.returncode}"] * (done.returncode != 0), lines

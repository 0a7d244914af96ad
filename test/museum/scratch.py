# A copy of the tree in which faults are planted, one after the other. It has a build folder of its
# own, which begins with the tree's objects. So a fault costs the compilation of one file.
import fcntl
import glob
import os
import shutil
import subprocess

from labs import bench, cut, lab, starter
import settings

ROOT = lab.ROOT
BUILT = ["build/debug", "build/include", "build/user/include"]


class Broken(Exception):
    """The copy cannot be built. Says why."""


def make(tree, *words):
    done = bench.run(["make", "-s", "-j2", "-C", tree, *words],
                     env=settings.without_settings() | {"WERROR": "0"})
    if done.returncode:
        raise Broken(bench.complaints(done))
    return done.stdout


class Scratch:
    def __init__(self, name):
        self.tree = f"{ROOT}/build/{name}"
        self.planted = []  # paths

    def __enter__(self):
        """One user at a time."""
        os.makedirs(self.tree, exist_ok=True)
        self.lock = open(self.tree + ".lock", "w", encoding="utf-8")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        paths = set(starter.tracked(without=()))
        self.remove_all_but(paths)
        for path in paths:
            source, target = f"{ROOT}/{path}", f"{self.tree}/{path}"
            if not os.path.exists(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target)
            else:
                self.write(path, read(source))
        for folder in BUILT:
            if not os.path.exists(f"{self.tree}/{folder}"):
                os.makedirs(os.path.dirname(f"{self.tree}/{folder}"), exist_ok=True)
                subprocess.run(["cp", "-a", f"{ROOT}/{folder}", f"{self.tree}/{folder}"],
                               check=True)
        return self

    def __exit__(self, *_):
        self.restore()
        self.lock.close()

    def remove_all_but(self, paths):
        """What the kernel's tree no longer has."""
        for top, folders, names in os.walk(self.tree):
            if top == self.tree and "build" in folders:
                folders.remove("build")
            for name in names:
                if os.path.relpath(f"{top}/{name}", self.tree) not in paths:
                    os.remove(f"{top}/{name}")

    def write(self, path, data):
        """Only what differs is written, so that nothing is built without need."""
        if read(f"{self.tree}/{path}") != data:
            with open(f"{self.tree}/{path}", "wb") as f:
                f.write(data)

    def plant(self, edits):
        """`edits`: (path, function or None, old text, new text)."""
        for path, text in edited(edits).items():
            self.replace(path, text)

    def replace(self, path, text):
        self.planted.append(path)
        self.write(path, text.encode())
        self.forget(path)

    def restore(self):
        for path in self.planted:
            self.write(path, read(f"{ROOT}/{path}"))
            self.forget(path)
        self.planted = []

    def forget(self, path):
        """Removes what was made from this file: by the times alone, make may take it for new."""
        for product in glob.glob(f"{self.tree}/build/debug/obj/{path}.o") + \
                glob.glob(f"{self.tree}/build/host/t_*"):
            os.remove(product)

    def kernel(self):
        make(self.tree, "DEBUG=1", "kernel-only")
        return self.tree + "/build/debug/kernel.elf"

    def host_test(self, name):
        make(self.tree, "build/host/" + name)
        return f"{self.tree}/build/host/{name}"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def edited(edits):
    """path -> the text with its edits. Raises cut.CutError when one does not fit."""
    texts = {}
    for path, function, old, new in edits:
        text = texts.get(path) or read(f"{ROOT}/{path}").decode()
        try:
            texts[path] = cut.edited(text, function, old, new)
        except cut.CutError as problem:
            raise cut.CutError(f"{path}: {problem}") from None
    return texts

# An exhibit: a fault that somebody once made in code like this, and the test that sees it here.
from dataclasses import dataclass


@dataclass
class Entry:
    name: str
    year: int
    story: str
    edits: list       # (path, function or None, old text, new text) each
    test: str         # of the kernel, of the programs, or a program of test/host
    rules: str = "2009"
    smp: int = 2
    emulator: str = "qemu"

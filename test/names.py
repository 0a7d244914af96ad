# The names of all tests, and the nearest name to an unknown one.
import difflib
import glob
import re

ENTRY = re.compile(r"^[KU]TEST\w*\(\w+,\s*\"([^\"]+)\"|^    \{\"([^\"]+)\", \w+\},$", re.M)


def in_sources(patterns):
    """The names that test files give to their tests (KTEST, UTEST, a host test's table)."""
    found = set()
    for pattern in patterns:
        for path in glob.glob(pattern):
            with open(path, encoding="utf-8") as f:
                found |= {first or second for first, second in ENTRY.findall(f.read())}
    return found


def nearest(name, known, otherwise):
    """The end of an error message: an offer of the most similar name."""
    families = {n.split(".")[0] for n in known}
    near = difflib.get_close_matches(name, known | families, n=1)
    return f"; is {near[0]} meant?" if near else otherwise

# A lab as graders see it. In the kernel's own tree it comes from labs/NAME/lab.py, which has
# everything. In a starter it comes from labs/lab.json, which shows no answers.
import glob
import hashlib
import hmac
import importlib
import json
import os
import random
import secrets
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [ROOT + "/tools"]  # for all modules of the labs
STARTER = "labs/lab.json"
SECRET = "labs.secret"  # in the root, ignored by git
PUBLIC = "public"       # the student with the public parameters


@dataclass
class Lab:
    name: str
    title: str
    file: str       # the file that the student writes
    flavour: str    # where the staff's functions run: "host", "kernel", "core" or "program"; or ""
    functions: dict  # name -> [points, first hint]
    together: int
    params: dict
    student: str = PUBLIC
    advice: dict = field(default_factory=dict)  # the sealed advice (labs/advice.py)
    stubs: dict = field(default_factory=dict)   # name -> the function as handed out
    may_use: list = field(default_factory=list)  # functions of the asker that a hand-in may call
    grader: str = "grading"  # the module that does `make grade` in the starter

    def judge(self):
        return importlib.import_module(f"labs.{self.name}.judge")

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            json.dump(vars(self), f, indent=1)
            f.write("\n")


def load(tree):
    """Returns the lab of a starter."""
    with open(f"{tree}/{STARTER}", encoding="utf-8") as f:
        return Lab(**json.load(f))


def staff(name):
    """The module labs/NAME/lab.py."""
    if name not in names():
        raise SystemExit(f"dr7: there is no lab {name!r}; there are: {' '.join(names())}")
    module = importlib.import_module(f"labs.{name}.lab")
    module.NAME = name
    if hasattr(module.KIND, "FILE"):  # all labs of this kind have the same file
        module.FILE = module.KIND.FILE
    return module


def names():
    return sorted(os.path.basename(os.path.dirname(path)) for path in glob.glob(HERE + "/*/lab.py"))


def secret():
    """The course's secret, one for each term. The first use makes it."""
    path = os.environ.get("SECRET") or f"{ROOT}/{SECRET}"
    if not os.path.exists(path):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w",
                  encoding="utf-8") as f:
            f.write(secrets.token_hex(32) + "\n")
        print(f"dr7: made {path}; keep it until the term is over", flush=True)
    with open(path, encoding="utf-8") as f:
        return f.read().strip().encode()


def generator(name, student):
    """Random numbers for this student in this lab and this term."""
    if student == PUBLIC:
        return random.Random(f"{name} {PUBLIC}")
    message = f"{name} {student}".encode()
    return random.Random(hmac.new(secret(), message, hashlib.sha256).digest())


def parameters(name, student):
    module = staff(name)
    if student == PUBLIC or not hasattr(module, "VARIANTS"):
        return module.PUBLIC
    return generator(name, student).choice(module.VARIANTS)

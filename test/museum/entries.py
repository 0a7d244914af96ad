# All entries, and the tests that they may name.
import glob
import os

import names
from labs import lab
from museum import accounting, events, ptrace, registers

ALL = accounting.ENTRIES + ptrace.ENTRIES + registers.ENTRIES + events.ENTRIES


def kernel_tests():
    return names.in_sources([lab.ROOT + "/test/kernel/*.c"])


def user_tests():
    return names.in_sources([lab.ROOT + "/test/user/*.c"])


def host_tests():
    """Whole programs."""
    return {os.path.basename(path)[:-2] for path in glob.glob(lab.ROOT + "/test/host/t_*.c")}

# A program in a sandbox that answers questions, one line each. It never gives the verdict.
import resource
import select
import subprocess

SECONDS = 2.0   # for one answer
MAX_HANGS = 2   # then no more questions, because an endless loop must not cost a minute
MAX_ANSWER = 65536


class Answers:
    """The program starts at the first question, and again after it has ended. It enters the strict
    mode of seccomp itself, before the hand-in's code runs. From then on it can only read, write and
    exit."""

    def __init__(self, program):
        self.program, self.process, self.hangs = program, None, 0

    def ask(self, question):
        """Returns one line, or the failure: PANIC and a reason, HANG, or CRASH."""
        if self.hangs >= MAX_HANGS:
            return "HANG"
        if self.process is None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            preexec_fn=limit, env={})
        line = b""
        try:
            self.process.stdin.write((question + "\n").encode())
            self.process.stdin.flush()
            while not line.endswith(b"\n"):
                if not select.select([self.process.stdout], [], [], SECONDS)[0] or \
                        len(line) > MAX_ANSWER:
                    self.close()
                    self.hangs += 1
                    return "HANG"
                data = self.process.stdout.read1(4096)
                if not data:
                    break
                line += data
        except BrokenPipeError:
            pass
        said = line.decode(errors="replace").strip()
        if "PANIC" in said or not line.endswith(b"\n"):
            self.close()
            return said[said.index("PANIC"):] if "PANIC" in said else "CRASH"
        return said

    def close(self):
        if self.process:
            self.process.kill()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

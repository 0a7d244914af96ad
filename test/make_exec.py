# The promises of `make exec`: only the program's bytes, its status, and the timeout.
import os
import subprocess
import sys


def check(build, logs, timeout):
    """What is wrong ("": nothing), and the same as lines."""
    reasons = []
    everything = logs + "/bytes"
    with open(everything, "wb") as f:
        f.write(bytes(range(256)) * 64)

    def run(program, arguments, output, success, words, stdin=b"", **variables):
        settings = dict(os.environ, PROG="build/user/bin/" + program, ARGS=arguments, EMU="qemu",
                        APPEND="", QEMU_FLAGS="", **variables)
        done = subprocess.run([sys.executable, "-B", "tools/boot.py", "exec", "--build", build],
                              input=stdin, capture_output=True, env=settings,
                              timeout=timeout)
        said = done.stderr.decode(errors="replace")
        if done.stdout != output or (done.returncode == 0) != success or words not in said:
            reasons.append(f"{program} {arguments}: {len(done.stdout)} bytes, status "
                           f"{done.returncode}, said: {said}")

    with open(everything, "rb") as f:
        run("cat", "/bytes", f.read(), True, "exit status 0", FILES=everything)
    run("sh", "-c '/cat /bytes > /dev/host'", b"", True, "exit status 0", OUT=logs + "/received",
          FILES=f"{everything} build/user/bin/cat")
    with open(everything, "rb") as sent, open(logs + "/received", "rb") as received:
        if sent.read() != received.read():
            reasons.append("/dev/host: not what was sent")
    run("sh", "-c '/cat /bytes > /dev/host'", b"sh: /dev/host: No such device or address\n",
          False, "exit status 1")
    run("echo", "'a  b' \\$HOME \\\" '' % %%-", b"a  b $HOME \"  % %%-\n", True, "exit status 0")
    everything = bytes(range(256)) * 80  # more than the console's ring holds
    run("cat", "", everything, True, "exit status 0", stdin=everything)
    run("wc", "", b"      1       2       3\n", True, "exit status 0", stdin=b"a\nb")
    run("sh", "-c 'exit 7'", b"", False, "exit status 7")
    run("sleep", "1000", b"", False, "stopped after 3 seconds", TIMEOUT="3")
    run("utest", "--exec stack 100000000", b"", False, "killed by SIGSEGV")
    # Signals without a handler do not end the first program.
    for signal in "TERM", "KILL", "STOP", "SEGV":
        run("kill", f"-{signal} 0", b"", True, "exit status 0")
    return "; ".join(reasons), reasons

#!/bin/bash
# Gradescope runs this once, when it builds its image (Debian 12): tools, and the lab's own grader.
set -eu
cd "${AUTOGRADER:-/autograder}/source"
apt-get update
apt-get install -y --no-install-recommends make git
cd dr7
tools/setup.sh build image qemu
make all
make lab L="$(cat ../lab)" OUT=/tmp/practice # the practice set's model stays in build/labs

# Everything that any target of dr7 needs, on the system that dr7 is developed on.
#
#   docker build -t dr7 . && docker run --rm -it -v "$PWD:/dr7" dr7 make run
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends make git ca-certificates
COPY tools/setup.sh /tmp/setup.sh
RUN /tmp/setup.sh all && rm /tmp/setup.sh
RUN git config --system --add safe.directory /dr7
WORKDIR /dr7

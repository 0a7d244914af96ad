// The heart of the stub: packets, numbers, and the requests for breakpoints. In the kernel these
// functions stand in packet.c, session.c and breaks.c of this folder; see packet.h and breaks.h.
#include "debug/kgdb/stub.h"

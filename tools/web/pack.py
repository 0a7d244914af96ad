# Packs named parts for the page into one file. Data that occurs again far away is stored once,
# because gzip looks back only 32 KB. gzip does the rest.
import gzip
import json
import struct

BLOCK = 32     # bytes that are looked up at once
LEAST = 48     # the shortest reference, in bytes
FAR = 1 << 15  # bytes


def same(data, start, at, limit):
    """How many bytes at `start` are the same as at `at`."""
    length, step = 0, BLOCK
    while step:
        end = length + step
        if end <= limit and data[start + length:start + end] == data[at + length:at + end]:
            length, step = end, 2 * step
        else:
            step //= 2
    return length


def references(data):
    """Triples: the number of new bytes, then the place of old bytes and their number. Runs of one
    byte are left to gzip."""
    seen, known, at, done = {}, 0, 0, 0
    while at + BLOCK <= len(data):
        while known + BLOCK <= at - FAR:
            seen.setdefault(data[known:known + BLOCK], known)
            known += BLOCK
        block = data[at:at + BLOCK]
        if block[0] == block[-1] and block.count(block[0]) == BLOCK:
            at += BLOCK
            continue
        start = seen.get(block)
        length = start is not None and same(data, start, at, min(at - start, len(data) - at))
        if length >= LEAST:
            yield at - done, start, length
            at = done = at + length
        else:
            at += 1
    yield len(data) - done, 0, 0


def shortened(data):
    """Returns the length, the number of references, their columns, and the new bytes."""
    found = list(references(data))
    new, at = [], 0
    for fresh, _, length in found:
        new.append(data[at:at + fresh])
        at += fresh + length
    columns = [number for column in zip(*found) for number in column]
    return struct.pack(f"<{2 + len(columns)}I", len(data), len(found), *columns) + b"".join(new)


def lengthened(data):
    """The reverse of shortened(), as web/pack.js does it."""
    length, count = struct.unpack_from("<2I", data)
    columns = struct.unpack_from(f"<{3 * count}I", data, 8)
    made, at = bytearray(), 8 + 12 * count
    for n in range(count):
        fresh, start, again = columns[n::count]
        made += data[at:at + fresh]
        made += made[start:start + again]
        at += fresh
    assert len(made) == length
    return bytes(made)


def pack(parts):
    """Packs names and bytes. The result begins with the length of the list of names and lengths,
    then the list."""
    names = json.dumps([[name, len(data)] for name, data in parts.items()]).encode()
    whole = struct.pack("<I", len(names)) + names + b"".join(parts.values())
    return gzip.compress(shortened(whole), 9, mtime=0)


def parts_of(packed):
    data = lengthened(gzip.decompress(packed))
    at = 4 + struct.unpack_from("<I", data)[0]
    parts = {}
    for name, length in json.loads(data[4:at]):
        parts[name] = data[at:at + length]
        at += length
    return parts

# Advice about one mistake reveals nothing about the others.
#
# Each planted mistake runs once through the probes of its lab. The resulting row of letters is its
# signature. A starter has all advice encrypted, with keys that are made from the function and the
# row. A student with this mistake gets the row, and so the advice. All other advice stays sealed.
import hashlib


def key(function, row):
    return hashlib.sha256(f"{function} {row}".encode()).digest()


def mask(secret, data):
    """Seals and opens, with the same operation."""
    stream = b"".join(hashlib.sha256(secret + bytes([i])).digest()
                      for i in range(len(data) // 32 + 1))
    return bytes(a ^ b for a, b in zip(data, stream))


def seal(signatures):
    """`signatures`: (function, row, advice) for each mistake. Returns data for JSON."""
    texts = {}
    for function, row, said in signatures:
        texts.setdefault(key(function, row), []).append(said)
    return {hashlib.sha256(k).hexdigest()[:16]: mask(k, "\nor: ".join(said).encode()).hex()
            for k, said in texts.items()}


def open_sealed(sealed, function, row):
    """Returns the advice, or "" if no planted mistake has this row."""
    k = key(function, row)
    hidden = sealed.get(hashlib.sha256(k).hexdigest()[:16])
    return mask(k, bytes.fromhex(hidden)).decode() if hidden else ""

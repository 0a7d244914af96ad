# Advice that fits a mistake without telling the mistakes.
#
# Each planted mistake was run once through the probes of its lab. The row of letters that came out
# is its signature. A starter carries the advice encrypted, each under a key made from the function
# and the row: who makes the mistake gets the row, and with it the advice. The others stay sealed.
import hashlib


def key(function, row):
    return hashlib.sha256(f"{function} {row}".encode()).digest()


def mask(secret, data):
    """The same operation seals and opens."""
    stream = b"".join(hashlib.sha256(secret + bytes([i])).digest()
                      for i in range(len(data) // 32 + 1))
    return bytes(a ^ b for a, b in zip(data, stream))


def seal(signatures):
    """`signatures`: (function, row, advice) for each mistake. The result fits into JSON."""
    texts = {}
    for function, row, said in signatures:
        texts.setdefault(key(function, row), []).append(said)
    return {hashlib.sha256(k).hexdigest()[:16]: mask(k, "\nor: ".join(said).encode()).hex()
            for k, said in texts.items()}


def open_sealed(sealed, function, row):
    """The advice, or "" when nobody has planted a mistake with this row."""
    k = key(function, row)
    hidden = sealed.get(hashlib.sha256(k).hexdigest()[:16])
    return mask(k, bytes.fromhex(hidden)).decode() if hidden else ""

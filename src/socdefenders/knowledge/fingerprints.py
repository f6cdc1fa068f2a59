"""The 64 bits that stand for a name in a bundle, so that millions of them can be sorted, mapped and bisected."""

from hashlib import blake2b

DIGEST_MARK = "#"
"""Stands before the digest of a file among the names, for no host name begins so."""


class Fingerprints:
    """Fingerprints under one bundle's key: nobody who does not have it can seek a name that is taken for another."""

    def __init__(self, key: bytes) -> None:
        """Take a bundle's key."""
        self._hash = blake2b(digest_size=8, key=key)

    def of(self, name: str) -> int:
        """Return the fingerprint of a name."""
        own = self._hash.copy()  # with the key in it already, which is half of the work
        own.update(name.encode("utf-8", "surrogatepass"))
        return int.from_bytes(own.digest(), "big")

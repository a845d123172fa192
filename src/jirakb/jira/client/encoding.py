"""What did the site say before it was compressed? Unpacks an answer that has arrived whole, up to a limit."""

from __future__ import annotations

from isal import isal_zlib  # three times as fast as zlib, and unpacking is most of the work of fetching
from isal.igzip_lib import IsalError

ACCEPTED = "gzip"
"""What calls offer the site; anything else that it sends must be plain."""
_GZIP = 16 + isal_zlib.MAX_WBITS
_MEMBER = b"\x1f\x8b"


def unpack(packed: bytes, encoding: str, limit: int) -> bytes:
    """The plain bytes; what is longer than `limit` is cut at one byte more. Raises ValueError on a broken archive.

    The interpreter's lock is free meanwhile: threads unpack side by side.
    """
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        return packed
    plain, rest = _unpack_member(packed, limit + 1)
    while rest.startswith(_MEMBER) and len(plain) <= limit:
        more, rest = _unpack_member(rest, limit + 1 - len(plain))
        plain += more
    return plain


def _unpack_member(packed: bytes, most: int) -> tuple[bytes, bytes]:
    """One member of an archive, and what follows it."""
    press = isal_zlib.decompressobj(_GZIP)
    try:
        # An archive ends with the size of its last member: memory taken at once is much faster than growing.
        plain = press.decompress(packed, min(most, int.from_bytes(packed[-4:], "little") + 1))
        if not press.eof and len(plain) < most:
            plain += press.decompress(press.unconsumed_tail, most - len(plain))
    except IsalError as exc:  # type: ignore[misc]  # the stub takes the class for an instance
        raise ValueError(f"the answer cannot be unpacked: {exc}") from exc
    if not press.eof and len(plain) < most:
        raise ValueError("the packed answer is cut short")
    return plain, press.unused_data

"""Where does the next page of a search begin? A text that says it, good for that one search and no other.

By relevance it names the issues that were shown, so that none comes twice and none is passed over, whatever is stored
meanwhile. By a field it names the last one. Never decides who may read: a page is made like the first one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import orjson

from jirakb.errors import UsageError

DEEPEST = 10_000
"""So many issues can be paged through in the order of relevance."""
_MARK = 8  # bytes of each of the two digests
_LONGEST = 200_000
_HIGHEST = 1 << 62
_MOST_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which issues a page begins: those `seen` (by relevance), or the `last` with the values that order it.

    `total` is what the first page counted.
    """

    total: int
    seen: tuple[int, ...] = ()
    last: tuple[int | str | None, ...] = ()


def binding(*facts: object) -> bytes:
    """What names a search: its query, filter, order, readers and knowledge base."""
    return hashlib.blake2b(orjson.dumps(facts), digest_size=_MARK).digest()


def write_cursor(place: Place, bound: bytes) -> str:
    """The place as a text for the search that `bound` names."""
    steps = [later - earlier for earlier, later in pairwise((0, *sorted(place.seen)))]
    packed = zlib.compress(orjson.dumps([place.total, steps, place.last]))
    return base64.urlsafe_b64encode(bound + _digest(bound, packed) + packed).decode().rstrip("=")


def read_cursor(text: str, bound: bytes, sorts: int) -> Place:
    """The place that `write_cursor` wrote for this search of so many sorts; raises UsageError on any other text."""
    data = _decoded(text)
    packed = data[2 * _MARK :]
    if len(data) <= 2 * _MARK or _digest(data[:_MARK], packed) != data[_MARK : 2 * _MARK]:
        raise _damaged()
    if data[:_MARK] != bound:
        raise UsageError(
            "This cursor belongs to another search.",
            fix="Send a cursor with the query, filter, order and reader that it was given for.",
        )
    place = _place(packed)
    if len(place.last) != (sorts + 1 if sorts else 0):
        raise _damaged()
    return place


def _decoded(text: str) -> bytes:
    if len(text) > _LONGEST:
        raise _damaged()
    try:
        return base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _damaged() from exc


def _place(packed: bytes) -> Place:
    try:
        total, steps, last = orjson.loads(zlib.decompressobj().decompress(packed, _MOST_BYTES))
        return Place(int(total), tuple(accumulate(_numbers(steps))), tuple(_values(last)))
    except (zlib.error, ValueError, TypeError) as exc:
        raise _damaged() from exc


def _numbers(steps: Sequence[object]) -> list[int]:
    if len(steps) > DEEPEST or not all(isinstance(step, int) and 0 <= step < _HIGHEST for step in steps):
        raise ValueError
    return [int(str(step)) for step in steps]


def _values(last: Sequence[object]) -> list[int | str | None]:
    found: list[int | str | None] = [value for value in last if value is None or isinstance(value, int | str)]
    if len(found) != len(last) or any(isinstance(value, int) and abs(value) >= _HIGHEST for value in found):
        raise ValueError
    return found


def _digest(bound: bytes, packed: bytes) -> bytes:
    return hashlib.blake2b(packed, key=bound, digest_size=_MARK).digest()


def _damaged() -> UsageError:
    return UsageError("This is no cursor, or not all of one.", fix="Use next_cursor as it was answered.")

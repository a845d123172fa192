"""What is packed in an archive? Lists its members and unpacks them one by one, within the bounds. Writes no file."""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from jirakb.jira.extract.bounds import MAX_MEMBERS, Allowance, UnreadableError

_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, KeyError)
_LOCKED = (RuntimeError, NotImplementedError)
"""What the library says to an encrypted member, and to a way of packing that it does not know."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive; `data` is None where it cannot be unpacked."""

    name: str
    size: int
    data: bytes | None


def zip_members(data: bytes, allowance: Allowance) -> Iterator[Member]:
    """The files of a zip archive; raises UnreadableError when it is broken or unpacks to too much."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (*_BROKEN, NotImplementedError) as exc:
        raise UnreadableError("broken_file") from exc
    with archive:
        for info in archive.infolist()[:MAX_MEMBERS]:
            if not info.is_dir():
                yield Member(info.filename, info.file_size, _unzip(archive, info, allowance))


def check_declared(data: bytes, allowance: Allowance) -> None:
    """Raises UnreadableError when a zip archive says of itself that it unpacks to too much, or is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            allowance.take(sum(info.file_size for info in archive.infolist()))
    except (*_BROKEN, NotImplementedError) as exc:
        raise UnreadableError("broken_file") from exc


def tar_members(data: bytes, allowance: Allowance) -> Iterator[Member]:
    """The files of a tar archive; of a broken one those before the fault."""
    allowance.take(len(data))
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for seen, info in enumerate(archive):
                if seen >= MAX_MEMBERS:
                    return
                if info.isfile():
                    held = archive.extractfile(info)
                    yield Member(info.name, info.size, held.read() if held else None)
    except (tarfile.TarError, *_BROKEN) as exc:
        raise UnreadableError("broken_file") from exc


def gunzip(data: bytes, allowance: Allowance) -> bytes:
    """What a gzip file holds (its first stream, as most have one); of a file cut short what is there."""
    press = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = press.decompress(data, allowance.left + 1)
    except zlib.error as exc:
        raise UnreadableError("broken_file") from exc
    allowance.take(len(plain))
    return plain


def _unzip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> bytes | None:
    try:
        with archive.open(info) as member:
            plain = member.read(allowance.left + 1)
    except (*_BROKEN, *_LOCKED):
        return None
    allowance.take(len(plain))
    return plain

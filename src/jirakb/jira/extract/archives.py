"""What is packed in an archive? Lists its members and unpacks them one by one, within the bounds. Writes no file."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from jirakb.jira.extract.bounds import Allowance, UnreadableError
from jirakb.jira.extract.kinds import Kind

_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, KeyError)
_LOCKED = (RuntimeError, NotImplementedError)
"""What the library says to an encrypted member, and to a way of packing that it does not know."""
_LZMA_MEMORY = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive; `data` is None where it cannot be unpacked."""

    name: str
    size: int
    data: bytes | None


def members(data: bytes, kind: Kind, allowance: Allowance) -> Iterator[Member]:
    """The files of an archive, as many as are allowed; raises UnreadableError when it is broken or unpacks to too much."""
    for member in (_zip_members if kind == "zip" else _tar_members)(data, allowance):
        if not allowance.take_member():
            return
        yield member


def _zip_members(data: bytes, allowance: Allowance) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (*_BROKEN, NotImplementedError) as exc:
        raise UnreadableError("broken_file") from exc
    with archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield Member(info.filename, info.file_size, _unzip(archive, info, allowance))


def check_declared(data: bytes, allowance: Allowance) -> None:
    """Raises UnreadableError when a zip archive says of itself that it unpacks to too much, or is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            allowance.take(sum(info.file_size for info in archive.infolist()))
    except (*_BROKEN, NotImplementedError) as exc:
        raise UnreadableError("broken_file") from exc


def _tar_members(data: bytes, allowance: Allowance) -> Iterator[Member]:
    """Of a broken one those before the fault."""
    allowance.take(len(data))
    seen = False
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for info in archive:
                if info.isfile():
                    held = archive.extractfile(info)
                    seen = True
                    yield Member(info.name, info.size, held.read() if held else None)
    except (tarfile.TarError, *_BROKEN) as exc:
        if not seen:
            raise UnreadableError("broken_file") from exc


def unpack(data: bytes, kind: Kind, allowance: Allowance) -> bytes:
    """What a packed file holds, stream after stream; of a file cut short what is there."""
    plain = list[bytes]()
    while data:
        try:
            stream, data = _stream(data, kind, allowance.left + 1)
        except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as exc:
            if plain:  # zeros behind the last stream
                break
            raise UnreadableError("broken_file") from exc
        allowance.take(len(stream))
        plain.append(stream)
    return b"".join(plain)


def _stream(data: bytes, kind: Kind, most: int) -> tuple[bytes, bytes]:
    """One stream, and what follows it."""
    if kind == "gzip":
        press = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return press.decompress(data, most), press.unused_data
    if kind == "bzip2":
        block = bz2.BZ2Decompressor()
        return block.decompress(data, most), block.unused_data
    packed = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
    return packed.decompress(data, most), packed.unused_data


def _unzip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> bytes | None:
    try:
        with archive.open(info) as member:
            plain = member.read(allowance.left + 1)
    except (*_BROKEN, *_LOCKED):
        return None
    allowance.take(len(plain))
    return plain

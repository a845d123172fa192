"""The process that reads hostile files: limits itself, then turns the bytes on its input into texts on its output.

Frames are two lengths of four bytes each, and that many bytes: a file (and nothing) in; out a packed text, and what is to be
said of it or why there is none. Ends when its input does. Started by `extractor.py` as `python -I -m jirakb.jira.extract.worker
CPU_SECONDS MEMORY_BYTES TEXT_LIMIT TESSERACT LANGUAGES`, TESSERACT being "" where images are not read.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from functools import partial
from typing import BinaryIO

from jirakb.documents import FileText
from jirakb.jira.extract.ocr import read_image
from jirakb.jira.extract.reading import Manner, read_file

if sys.platform != "win32":
    import resource

FRAME = struct.Struct(">II")
_OPEN_FILES = 64
_LARGEST_FILE = 32 * 1024 * 1024
"""Bytes; the native code writes its PDF library (8 MB) into the temporary folder before it can use it."""
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def main() -> None:
    """Read files until the input ends."""
    cpu_seconds, memory, limit = map(int, sys.argv[1:4])
    manner = _manner(limit, sys.argv[4], sys.argv[5], cpu_seconds)
    output = _own_output()
    _leave_the_network()
    _limit(memory)
    while (data := _read(sys.stdin.buffer)) is not None:
        _allow_cpu(cpu_seconds)
        _write(output, read_file(data, manner))


def _manner(limit: int, tesseract: str, languages: str, seconds: int) -> Manner:
    """Images get the seconds of processor time on the wall, too: the program has one thread."""
    ocr = partial(read_image, program=tesseract, languages=languages, seconds=seconds) if tesseract else None
    return Manner(limit, ocr)


def _write(output: BinaryIO, found: FileText) -> None:
    told = found.reason.encode()
    output.write(FRAME.pack(len(found.packed), len(told)))
    output.write(found.packed)
    output.write(told)
    output.flush()


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(FRAME.size)
    return source.read(int(FRAME.unpack(head)[0])) if len(head) == FRAME.size else None


def _own_output() -> BinaryIO:
    """The output for frames alone: what native code prints goes where errors go."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def _leave_the_network() -> None:
    """Nothing that a file says may call anywhere. Linux only, and only where the process may make a namespace (as root, or
    with user namespaces); elsewhere the limits below are all there is."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if libc.unshare(_NEW_NETWORK) != 0:
            libc.unshare(_NEW_USER | _NEW_NETWORK)


def _limit(memory: int) -> None:
    if sys.platform != "win32":
        for limit, value in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_FSIZE, _LARGEST_FILE),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
            (resource.RLIMIT_CORE, 0),
        ):
            with contextlib.suppress(ValueError, OSError):  # not every system has each of them
                resource.setrlimit(limit, (value, value))


def _allow_cpu(seconds: int) -> None:
    """So many seconds from now on; beyond them the system ends the process."""
    if sys.platform != "win32":
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()

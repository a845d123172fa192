"""How are files read without trusting them? Hands each to a process with limits, and outlives what happens there.

A worker serves many files. One that crashes, hangs or overruns costs the file it was reading, and is replaced.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from jirakb.documents import FileText
from jirakb.errors import InternalError
from jirakb.jira.extract.bounds import MAX_TEXT
from jirakb.jira.extract.reading import NO_OCR
from jirakb.jira.extract.sampling import sampled_within
from jirakb.jira.extract.worker import FRAME
from jirakb.settings import Settings

CRASHED, TIMED_OUT = "extractor_crashed", "extractor_timeout"
_LARGEST_ANSWER = MAX_TEXT * 8
"""Bytes: a character takes up to four in UTF-8, six when JSON escapes it; packed it is less."""
_SIGXCPU = 24
"""The signal to a process that has used its processor time, where there are signals."""
_ENGLISH = "eng"
_HAS_GROUPS = os.name == "posix"
_FILES_PER_WORKER = 500
"""Then a worker is replaced: what leaks in native code stays bounded."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may cost."""

    workers: int = 2
    """Processes side by side."""
    seconds: float = 60.0
    """Wall-clock time for one file."""
    cpu_seconds: int = 30
    """Processor time for one file."""
    memory: int = 1 << 30
    """Bytes of address space of a worker; its libraries take half."""
    text: int = 256 * 1024
    """Characters of text that are kept of one file; of a longer text those parts that say most."""
    tesseract: str = ""
    """The program that reads images; "" where they are not read."""
    languages: str = _ENGLISH
    """The languages that images are read in, as tesseract names them, joined by "+"."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """What the settings say: images are read where tesseract is installed."""
        program = "" if settings.ocr == "off" else shutil.which("tesseract") or ""
        languages = _ENGLISH if settings.ocr in ("auto", "off") else settings.ocr
        return cls(text=settings.attachment_text, tesseract=program, languages=languages)


class Extractor:
    """Reads files in worker processes that are started when needed. Safe to use from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(self._limits.workers):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def read(self, data: bytes) -> FileText:
        """The text of a file, or why there is none; CRASHED and TIMED_OUT are the reasons of a worker's end."""
        worker = self._idle.get()
        try:
            worker = worker if worker and worker.is_fresh else self._replace(worker)
            return worker.read(data, self._limits.seconds)
        finally:
            self._idle.put(worker)

    def would_read_more(self, found: FileText) -> bool:
        """Whether this extractor would find more in the bytes than was found before: it reads images, or keeps more text."""
        if found.reason == NO_OCR:
            return bool(self._limits.tesseract)
        limit = sampled_within(found.reason)
        return limit is not None and limit < self._limits.text

    def close(self) -> None:
        """Ends the workers; waits for those that are reading."""
        for _ in range(self._limits.workers):
            worker = self._idle.get()
            if worker:
                worker.end()
        for _ in range(self._limits.workers):
            self._idle.put(None)
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def _replace(self, worker: _Worker | None) -> _Worker:
        if worker:
            worker.end()
        with self._lock:
            # A folder of our own: native code unpacks a library into it, and in a shared one others could put theirs there.
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="jirakb-extract-")
        try:
            return _Worker(self._limits, self._folder.name)
        except OSError as exc:
            raise InternalError(f"A process that reads attachments cannot be started: {exc}.") from exc


class _Worker:
    """One process. Used by one thread at a time."""

    def __init__(self, limits: Limits, folder: str) -> None:
        command = [sys.executable, "-I", "-m", "jirakb.jira.extract.worker"]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, *map(str, (limits.cpu_seconds, limits.memory, limits.text)), limits.tesseract, limits.languages],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"TMPDIR": folder, "HOME": folder},
            cwd=folder,
            process_group=0 if _HAS_GROUPS else None,
        )
        self._served = 0
        self._ended = False

    @property
    def is_fresh(self) -> bool:
        """Whether it can read another file."""
        return not self._ended and self._served < _FILES_PER_WORKER

    def read(self, data: bytes, seconds: float) -> FileText:
        """The text of one file."""
        self._served += 1
        with self._deadline(seconds) as has_passed:
            answer = self._exchange(data)
        if answer is not None:
            return answer
        self.end()
        used_up = has_passed.is_set() or self._process.returncode == -_SIGXCPU
        return FileText(reason=TIMED_OUT if used_up else CRASHED)

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self._ended = True
        self._kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        self._process.wait()

    def _kill(self) -> None:
        """Ends the process, and a program that it may have started."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                if _HAS_GROUPS:
                    os.killpg(self._process.pid, signal.SIGKILL)
                else:
                    self._process.kill()

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[threading.Event]:
        passed = threading.Event()

        def stop() -> None:
            passed.set()
            self._kill()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            yield passed
        finally:
            timer.cancel()

    def _exchange(self, data: bytes) -> FileText | None:
        """The worker's answer; None when it ended instead, or answers more than it may."""
        source, target = self._process.stdout, self._process.stdin
        if source is None or target is None:
            return None
        try:
            target.write(FRAME.pack(len(data), 0))
            target.write(data)
            target.flush()
            head = source.read(FRAME.size)
            sizes = FRAME.unpack(head) if len(head) == FRAME.size else (_LARGEST_ANSWER + 1, 0)
            answer = source.read(sum(sizes)) if sum(sizes) <= _LARGEST_ANSWER else b""
        except OSError:
            return None
        if len(answer) != sum(sizes):
            return None
        return FileText(answer[: sizes[0]], answer[sizes[0] :].decode())

"""What is written in an image? Has it read by tesseract, where that is installed, and keeps the words it is sure of.

Belongs in the worker's process, whose limits the program inherits.
"""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterable, Iterator
from itertools import groupby

from jirakb.jira.extract.bounds import UnreadableError

_SURE = 50.0
"""Percent; below it tesseract mostly sees words in what is none."""
_FEWEST_LETTERS = 4
"""An image with fewer in all has no text that anybody would look for."""
_MOST_OUTPUT = 8 * 1024 * 1024


def read_image(data: bytes, program: str, languages: str, seconds: float) -> str:
    """The lines of text in an image; "" where there are none. Raises UnreadableError when tesseract cannot read it."""
    command = [program, "stdin", "stdout", "-l", languages, "--psm", "3", "tsv"]
    try:
        ended = subprocess.run(  # noqa: S603 - the program that the settings name, on bytes alone
            command,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"OMP_THREAD_LIMIT": "1"},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise UnreadableError("image_too_hard") from exc
    if ended.returncode != 0:
        raise UnreadableError("broken_file")
    text = "\n".join(_lines(ended.stdout[:_MOST_OUTPUT].decode("utf-8", "replace").split("\n")))
    return text if sum(map(str.isalpha, text)) >= _FEWEST_LETTERS else ""


def _lines(table: Iterable[str]) -> Iterator[str]:
    """The words that are sure, line by line as they stand in the image."""
    rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
    words = (row for row in rows if row.get("level") == "5" and _sureness(row) >= _SURE)
    for _, line in groupby(words, key=lambda row: tuple(row[name] for name in _PLACE)):
        yield " ".join((row["text"] or "").strip() for row in line)


_PLACE = ("page_num", "block_num", "par_num", "line_num")


def _sureness(row: dict[str, str]) -> float:
    try:
        return float(row["conf"])
    except (ValueError, TypeError, KeyError):
        return 0.0

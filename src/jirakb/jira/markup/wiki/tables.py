"""Where does each cell of a wiki table's row begin? At | or ||, unless a link, a picture or monospace holds the pipe."""

from __future__ import annotations

import re
from itertools import pairwise

_PIECE = re.compile(
    r"(?P<bar>\|\|?)(?!smart-(?:link|card))|\\.|\[[^\[\]\n]*\]|!(?=[^\s!|])[^!|\n]*\.\w{2,5}\|[^!\n]*!"
    r"|\{\{[^{}\n]*\}\}",
    re.DOTALL,
)


def split_row(row: str) -> list[tuple[bool, str]]:
    """The cells of a row that begins with a pipe: whether each is a heading, and its text."""
    bars = [found for found in _PIECE.finditer(row) if found["bar"]]
    cells = [(len(bar["bar"]) == 2, row[bar.end() : following.start()].strip()) for bar, following in pairwise(bars)]
    rest = row[bars[-1].end() :].strip() if bars else row.strip()
    if rest:
        cells.append((bool(bars) and len(bars[-1]["bar"]) == 2, rest))
    return cells if any(text for _, text in cells) else []

"""How much markup of one text is read? A bound on work and memory, which no text that people write comes near.

Jira's own limit for a text is 32,767 characters. Where an administrator lifted it and a text holds hundreds of thousands
of marks, what follows is kept as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jirakb.jira.markup.nodes import Blocks, CodeBlock, CodeSpan
from jirakb.jira.markup.wiki.macros import KEPT, KEPT_SPAN, Kept

MOST = 150_000
"""Units of work: one for a mark within a line, two for a block, an item or a cell."""

_SPAN = re.compile(f"{KEPT_SPAN}(\\d+){KEPT_SPAN}")
_BLOCKS = re.compile(f"{KEPT}(\\d+){KEPT}")


@dataclass(slots=True)
class Budget:
    """What is left for one text."""

    left: int = MOST

    def spend(self, units: int) -> bool:
        """Take some; False when there is no more."""
        self.left -= units
        return self.left >= 0


def as_written(text: str, kept: Kept) -> Blocks:
    """A text that is not read for its markup: preformatted, with what was set aside in its places."""
    words: Sequence[str] = _BLOCKS.split(text)
    found = _preformatted(words[0], kept)
    for number, rest in zip(words[1::2], words[2::2], strict=True):
        blocks = kept[int(number)]
        found += blocks if isinstance(blocks, tuple) else ()
        found += _preformatted(rest, kept)
    return found


def _preformatted(text: str, kept: Kept) -> Blocks:
    text = _SPAN.sub(lambda found: _span(kept[int(found[1])]), text).strip("\n")
    return (CodeBlock(text),) if text.strip() else ()


def _span(kept: Blocks | CodeSpan) -> str:
    return kept.value if isinstance(kept, CodeSpan) else ""

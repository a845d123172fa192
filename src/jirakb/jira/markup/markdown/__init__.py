"""How is a tree written as GitHub-flavored markdown? Blocks here and in tables.py, inlines.py; escapes in escape.py.

Never parses a source text; recurses, because a tree is at most `nodes.MAX_DEPTH` deep.
"""

from __future__ import annotations

from jirakb.jira.markup.markdown.blocks import write_blocks
from jirakb.jira.markup.nodes import Blocks

__all__ = ["render"]


def render(blocks: Blocks, heading_shift: int = 0) -> str:
    """The blocks as markdown, without a newline at the end."""
    return write_blocks(blocks, heading_shift)

"""What does a text in Jira's wiki markup say? Macros first (macros.py), then lines (blocks.py), then words (inlines.py).

Real texts are dirty: whatever is no markup is kept as the words it is. Never raises, never looks back twice.
"""

from __future__ import annotations

from jirakb.jira.markup.characters import clean
from jirakb.jira.markup.context import MarkupContext
from jirakb.jira.markup.nodes import Blocks
from jirakb.jira.markup.wiki.containers import parse_containers
from jirakb.jira.markup.wiki.inlines import InlineParser
from jirakb.jira.markup.wiki.macros import set_aside

__all__ = ["parse_wiki"]


def parse_wiki(text: str, context: MarkupContext) -> Blocks:
    """The tree of a text."""
    body, kept = set_aside(clean(text))
    return parse_containers(body, InlineParser(context, kept))

"""How does a Jira text become markdown? ADF or wiki markup -> tree (nodes.py) -> GitHub-flavored markdown.

Never raises, whatever the text holds; takes time in proportion to its length; loses no word; never talks to Jira.
"""

from __future__ import annotations

from jirakb.jira.markup.adf import parse_adf
from jirakb.jira.markup.context import MarkupContext
from jirakb.jira.markup.markdown import render
from jirakb.jira.markup.wiki import parse_wiki

__all__ = ["MarkupContext", "adf_to_markdown", "wiki_to_markdown"]

_PLAIN = MarkupContext()


def adf_to_markdown(doc: object, context: MarkupContext = _PLAIN) -> str:
    """Markdown of an ADF document, of any node or list of nodes, or of a plain string; "" for anything else."""
    return render(parse_adf(doc, context), context.heading_shift)


def wiki_to_markdown(text: object, context: MarkupContext = _PLAIN) -> str:
    """Markdown of a text in wiki markup; "" for anything that is not a string."""
    if not isinstance(text, str):
        return ""
    return render(parse_wiki(text, context), context.heading_shift)

"""What ADF document would Jira Cloud store for this wiki markup? Never raises, and never reads the product's converters.

The simulated site keeps wiki strings; its Cloud face serves them as the documents that this folder makes. `macros` lifts
`{code}` and its kin out of the text, `blocks` reads the lines (`lists` and `tables` theirs), `inline` reads one line, and
`nodes` builds what ADF's schema allows. Time is linear in the text, and nesting is bounded.
"""

from collections.abc import Mapping
from typing import Any

from jirakb.simulator.wiki_adf.blocks import document
from jirakb.simulator.wiki_adf.macros import Page

__all__ = ["wiki_to_adf"]


def wiki_to_adf(
    text: str, *, users: Mapping[str, str] | None = None, attachments: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Convert wiki markup to an ADF document.

    `users` maps logins or account ids to display names, `attachments` file names to media ids. What is unknown keeps
    its own name as id.
    """
    page = Page(users=users or {}, attachments=attachments or {})
    return {"version": 1, "type": "doc", "content": document(text, page)}

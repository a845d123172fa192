"""How is an issue that was fetched before rendered again, without its site? From its payload and what was kept beside it.

Never makes a call: what a rebuild lacks, it says.
"""

from __future__ import annotations

from dataclasses import dataclass

from jirakb.documents import RawIssue
from jirakb.errors import ConnectorValidationError
from jirakb.jira.attachments import AttachmentTexts, with_results
from jirakb.jira.document.issue import parse_attachments
from jirakb.jira.document.render import RenderContext, render
from jirakb.jira.parts import Parts, SiteFacts
from jirakb.source import Rendered


@dataclass(frozen=True, slots=True)
class KeptSite:
    """Renders the kept issues of one connector. `texts` is where what was read of attachments is kept."""

    context: RenderContext
    parts: Parts
    texts: AttachmentTexts

    @classmethod
    def of(cls, *, site: str, base_url: str, flavor: str, reading: str, facts: str, texts: AttachmentTexts) -> KeptSite:
        """From what the sync kept of a connector; raises ConnectorValidationError where that is too little."""
        if not facts:
            raise ConnectorValidationError(
                f"What {base_url} calls its fields was not kept, so its issues cannot be rendered without it.",
                fix="Run jirakb sync once, then jirakb rebuild.",
                url=base_url,
            )
        parts = Parts.from_json(reading)
        told = SiteFacts.from_json(facts)
        return cls(parts.context(site=site, base_url=base_url, flavor=flavor, facts=told), parts, texts)

    @property
    def reads_attachments(self) -> bool:
        """Whether the text of attachments belongs to the documents."""
        return self.parts.attachments is not None

    def render(self, raw: RawIssue) -> Rendered:
        """The documents of an issue, with the attachments that were read; raises SkippedIssueError when it cannot be read."""
        return render(self._with_attachments(raw) if self.reads_attachments else raw, self.context)

    def _with_attachments(self, raw: RawIssue) -> RawIssue:
        known = self.texts.known(self.context.site, raw.number)
        files = [file for file in parse_attachments(raw.payload) if file.id in known]
        return with_results(raw, files, [known[file.id] for file in files])

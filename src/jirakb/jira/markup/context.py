"""What must a converter know beyond the text: the names of users, the URLs of attachments, where headings begin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jirakb.jira.markup.nodes import Image, Inline, Link, Text

_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|bmp|svg|webp|tiff?|ico|heic|avif)$", re.IGNORECASE)
_SUFFIX = re.compile(r"\.\w{1,5}$")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MarkupContext:
    """What surrounds a text.

    `users` maps an account id or user name to a display name, `attachments` a file name (or media id) to a URL,
    `base_url` completes links that begin with a slash, and `heading_shift` is added to the level of every heading.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)
    base_url: str = ""
    heading_shift: int = 0

    def mention(self, user: str, name: str = "") -> Text:
        """A user by display name, else by the name the text itself gives, else by id."""
        bare = user.removeprefix("accountid:")
        known = self.users.get(bare) or self.users.get(user) or name or bare
        return Text("@" + known.removeprefix("@")) if known else Text("")

    def attachment(self, name: str, key: str = "", *, shown: bool = True) -> Inline:
        """An attached file: a picture or a link when its URL is known, else its name."""
        label = name or ("attachment" if _UUID.fullmatch(key) else key)
        url = self.attachments.get(name) or self.attachments.get(key)
        if not url:
            return Text(label)
        if shown and (_PICTURE.search(label) or not _SUFFIX.search(label)):
            return Image(url, label)
        return Link(url, (Text(label),))

    def absolute(self, url: str) -> str:
        """The URL, completed by the site's where it begins with a single slash."""
        if self.base_url and url.startswith("/") and not url.startswith("//"):
            return self.base_url.rstrip("/") + url
        return url

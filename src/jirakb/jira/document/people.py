"""Who is a person of an issue, on Cloud (accountId) and Data Center (user name)? Never asks the site about anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jirakb.jira.document.lenient import line, mapping

_ADDRESS = re.compile(r"([^@\s]+)@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Person:
    """A user as an issue shows one. `email` is "" where the site hides it; `handles` are accountId, user name and key."""

    name: str
    email: str = ""
    handles: tuple[str, ...] = ()
    shown: str = ""
    """The display name as the site sent it, which may be an e-mail address."""

    def is_among(self, listed: frozenset[str]) -> bool:
        """Whether the e-mail address, a handle or the display name is in a list of case-folded texts."""
        known = (self.name, self.shown, self.email, _unmasked(self.email), *self.handles)
        return any(text.casefold() in listed for text in known if text)


def parse_person(value: object) -> Person | None:
    """The user in a JSON object; None where there is none or it says nothing about who it is."""
    user = mapping(value)
    if not user:
        return None
    handles = tuple(text for name in ("accountId", "name", "key") if (text := line(user.get(name))))
    shown = line(user.get("displayName")) or (handles[0] if handles else "")
    if not shown:
        return None
    return Person(_without_address(shown), line(user.get("emailAddress")), handles, shown)


def _without_address(name: str) -> str:
    """A display name that is an e-mail address is cut before its "@": addresses stand in the front matter only."""
    match = _ADDRESS.fullmatch(name) if "@" in name else None
    return match[1] if match else name


def _unmasked(email: str) -> str:
    """The address behind Data Center's masked form, "jane at example dot com"."""
    return email.replace(" at ", "@").replace(" dot ", ".")

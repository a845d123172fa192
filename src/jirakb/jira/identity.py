"""Does the site still know who is asking? Both flavors answer searches of unknown callers with an empty 200, not with 401.

So a listing, and an issue that is missing from an answer, count only when the answer or /myself proves the account.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from jirakb.errors import InsufficientPermissionsError
from jirakb.jira.client.answers import Answer, anonymous_error
from jirakb.jira.client.endpoints import JiraClient
from jirakb.jira.document.lenient import line, mapping
from jirakb.jira.site import Flavor


@dataclass(frozen=True, slots=True)
class Account:
    """Who is asking: accountId on Cloud, login on Data Center (`login`: as headers name it), the profile's time zone and name."""

    id: str
    login: str
    zone_name: str
    name: str = ""


def read_account(data: object, flavor: Flavor, site: str) -> Account:
    """The account in the answer of /myself; raises InsufficientPermissionsError when it names nobody."""
    me = mapping(data)
    login = line(me.get("accountId")) if flavor == "cloud" else line(me.get("name"))
    identity = login or ("" if flavor == "cloud" else line(me.get("key")))
    if not identity:
        raise anonymous_error(site)
    return Account(identity, login, line(me.get("timeZone")), line(me.get("displayName")))


@dataclass(frozen=True, slots=True)
class Identity:
    """The account that was verified, and how to see that it still holds."""

    client: JiraClient
    flavor: Flavor
    account: Account
    turn: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)
    """Threads that doubt at the same time ask one after the other: after a refusal the others ask no more."""

    def confirm(self, answer: Answer) -> None:
        """Raises InsufficientPermissionsError unless this answer was meant for the account; asks /myself only in doubt."""
        if not self._proves(answer.headers):
            self.verify()

    def verify(self) -> None:
        """Asks /myself; raises InsufficientPermissionsError when the site answers as to somebody else or nobody."""
        with self.turn:
            now = read_account(self.client.myself().data, self.flavor, self.client.site)
        if now.id != self.account.id:
            raise InsufficientPermissionsError(
                f"{self.client.site} answers as to another account than before.",
                fix="Check who else uses this connector's credentials, then run again.",
                url=self.client.site,
            )

    def _proves(self, headers: Mapping[str, str]) -> bool:
        name = "x-aaccountid" if self.flavor == "cloud" else "x-ausername"
        return bool(self.account.login) and unquote(headers.get(name, "")) == self.account.login

"""Whose comments does a listed e-mail address mean? Cloud hides most addresses, but finds a user by the whole of one.

Asks once for each address; never keeps an address of anybody who was not listed.
"""

from __future__ import annotations

from collections.abc import Iterable

from jirakb.jira.client.endpoints import JiraClient
from jirakb.jira.document.lenient import line, mapping


def account_ids(client: JiraClient, listed: Iterable[str]) -> frozenset[str]:
    """The accounts of the addresses among the listed texts, as far as the site tells them."""
    addresses = sorted({text.strip() for text in listed if "@" in text})
    return frozenset(account for address in addresses for account in _accounts(client, address))


def _accounts(client: JiraClient, address: str) -> list[str]:
    """A search also finds names that hold the words of the address: one who shows another address is not meant."""
    found = [mapping(user) for user in client.users(address)]
    meant = [user for user in found if line(user.get("emailAddress")).casefold() == address.casefold()]
    hidden = [user for user in found if not line(user.get("emailAddress"))]
    return [
        account for user in meant or (hidden if len(hidden) == 1 else []) if (account := line(user.get("accountId")))
    ]

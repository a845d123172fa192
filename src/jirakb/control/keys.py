"""Who may use the HTTP interface, and for what? API keys: made, listed, checked, revoked. Keeps digests, never a key."""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, get_args

import orjson
from sqlalchemy import Engine, Row, select
from ulid import ULID

from jirakb.control.database import reachable
from jirakb.control.tables import api_key
from jirakb.errors import NotFoundError, UsageError

Scope = Literal["admin", "sync", "search"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
_PREFIX = "jkb"
_USED_EVERY = timedelta(minutes=1)  # a key's last use is written no more often


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's row. `principals` is what a search with it may read beyond unrestricted text; ("*",) is everything."""

    id: str
    tenant: str
    name: str
    scope: Scope
    principals: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: bool
    used: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it may be used."""
        return not self.revoked and (self.expires is None or now < self.expires)

    def allows(self, scope: Scope) -> bool:
        """Whether its scope includes this one: admin includes sync, sync includes search."""
        return SCOPES.index(self.scope) <= SCOPES.index(scope)


class Keys:
    """The API keys of all tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        tenant: str,
        scope: Scope,
        *,
        name: str = "",
        principals: tuple[str, ...] = (),
        expires: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key, and the text that its holder sends, which is not kept; raises UsageError on bad values."""
        if scope not in SCOPES:
            raise UsageError(f"{scope!r} is no scope.", fix=f"Choose one of {', '.join(SCOPES)}.")
        if len(name) > 200 or any(unicodedata.category(letter) == "Cc" for letter in name):
            raise UsageError("A key's name has at most 200 characters, none of them a control character.")
        identity, secret = str(ULID()), secrets.token_urlsafe(32)
        text = f"{_PREFIX}_{identity.lower()}_{secret}"
        row = {
            "id": identity, "tenant": tenant, "name": name or scope, "scope": scope,
            "principals": orjson.dumps(sorted(principals)).decode(), "digest": _digest(text),
            "created": datetime.now(UTC), "expires": expires, "revoked": False,
        }  # fmt: skip
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(api_key.insert().values(row))
        return self.get(tenant, identity), text

    def check(self, text: str, now: datetime) -> ApiKey | None:
        """The valid key that this text is, if any. Takes the same time whatever is wrong with it."""
        with reachable(self._engine), self._engine.connect() as connection:
            row = connection.execute(select(api_key).where(api_key.c.digest == _digest(text))).first()
        if row is None or not (key := _key(row)).is_valid(now):
            return None
        self._note_use(key, now)
        return key

    def get(self, tenant: str, identity: str) -> ApiKey:
        """One key; raises NotFoundError, for another tenant's too."""
        query = select(api_key).where(api_key.c.tenant == tenant, api_key.c.id == identity)
        with reachable(self._engine), self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"There is no key {identity}.")
        return _key(row)

    def page(self, tenant: str, *, after: str = "", limit: int = 100) -> list[ApiKey]:
        """A tenant's keys by age, those after `after`."""
        query = select(api_key).where(api_key.c.tenant == tenant, api_key.c.id > after)
        with reachable(self._engine), self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(query.order_by(api_key.c.id).limit(limit))]

    def revoke(self, tenant: str, identity: str) -> None:
        """The key is refused from now on; raises NotFoundError."""
        self.get(tenant, identity)
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(api_key.update().where(api_key.c.id == identity).values(revoked=True))

    def has_admin(self) -> bool:
        """Whether a valid admin key was ever made."""
        query = select(api_key.c.id).where(api_key.c.scope == "admin", ~api_key.c.revoked).limit(1)
        with reachable(self._engine), self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        if key.used and now - key.used < _USED_EVERY:
            return
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(api_key.update().where(api_key.c.id == key.id).values(used=now))


def _digest(text: str) -> str:
    """The key holds 256 random bits: a plain digest cannot be guessed back."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id, row.tenant, row.name, row.scope, tuple(orjson.loads(row.principals)),
        row.created, row.expires, bool(row.revoked), row.used,
    )  # fmt: skip

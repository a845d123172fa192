"""Who is signed in to the web page? Sessions and one-time sign-in codes, each bound to an API key. Keeps digests alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import Engine, and_, delete, select

from jirakb.control.database import reachable
from jirakb.control.keys import ApiKey
from jirakb.control.tables import api_key, sign_in

Kind = Literal["session", "code"]
SESSION_LASTS = timedelta(hours=12)
CODE_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session: whose key it stands for, and until when."""

    tenant: str
    key: str
    expires: datetime


class Sessions:
    """The sessions and codes of all tenants. A session is worth what its key is worth: a revoked key ends it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, key: ApiKey, now: datetime) -> tuple[str, datetime]:
        """A new session: the text that its holder sends, and its end, which is the key's where that is earlier."""
        ends = min(now + SESSION_LASTS, key.expires) if key.expires else now + SESSION_LASTS
        return self._make(key, "session", now, ends), ends

    def code(self, key: ApiKey, now: datetime) -> str:
        """A code that signs in once, within ten minutes."""
        return self._make(key, "code", now, now + CODE_LASTS)

    def redeem(self, code: str, now: datetime) -> SignedIn | None:
        """What the code stands for, the first time it is used; else None."""
        found = self._find(code, "code", now)
        return found if found and self._delete(code, "code") else None

    def find(self, text: str, now: datetime) -> SignedIn | None:
        """The session of that text, if it has not ended."""
        return self._find(text, "session", now)

    def end(self, text: str) -> None:
        """The session is over."""
        self._delete(text, "session")

    def _make(self, key: ApiKey, kind: Kind, now: datetime, ends: datetime) -> str:
        text = secrets.token_urlsafe(32)
        row = {"digest": _digest(text), "kind": kind, "key": key.id, "created": now, "expires": ends}
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(delete(sign_in).where(sign_in.c.expires < now))
            connection.execute(sign_in.insert().values(row))
        return text

    def _find(self, text: str, kind: Kind, now: datetime) -> SignedIn | None:
        query = (
            select(api_key.c.tenant, api_key.c.id, sign_in.c.expires)
            .join(api_key, api_key.c.id == sign_in.c.key)
            .where(sign_in.c.digest == _digest(text), sign_in.c.kind == kind, sign_in.c.expires > now)
        )
        with reachable(self._engine), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return SignedIn(row.tenant, row.id, row.expires) if row else None

    def _delete(self, text: str, kind: Kind) -> bool:
        mine = and_(sign_in.c.digest == _digest(text), sign_in.c.kind == kind)
        with reachable(self._engine), self._engine.begin() as connection:
            return bool(connection.execute(delete(sign_in).where(mine)).rowcount)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()

"""Which connectors are saved, in what state, and when is each due? Opens credentials for the worker alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import ValidationError
from sqlalchemy import BigInteger, Column, ColumnElement, Engine, Row, and_, or_, select, type_coerce
from ulid import ULID

from jirakb.control.config import ConnectorConfig
from jirakb.control.database import reachable
from jirakb.control.tables import connector
from jirakb.control.vault import Vault
from jirakb.errors import NotFoundError

_log = logging.getLogger(__name__)
ConnectorState = Literal["needs_credentials", "active", "paused", "needs_attention"]


@dataclass(frozen=True, slots=True)
class SavedConnector:
    """A saved connector without its credentials. `site` is scheme, host and port: what its calls are limited by."""

    id: str
    tenant: str
    kb: str
    name: str
    site: str
    config: ConnectorConfig
    has_credentials: bool
    state: ConnectorState
    why: str
    refresh_minutes: int | None
    prune_minutes: int | None
    next_sync: datetime | None
    next_census: datetime | None
    created: datetime
    updated: datetime
    removed: datetime | None


class Connectors:
    """The connectors of all tenants; each question names the tenant, and another tenant's connector is not found."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    def create(
        self,
        tenant: str,
        kb: str,
        name: str,
        config: ConnectorConfig,
        *,
        credentials: Mapping[str, str] | None = None,
        refresh_minutes: int | None = None,
        prune_minutes: int | None = None,
    ) -> SavedConnector:
        """A new connector: active with credentials, else waiting for them; its first sync is due at once."""
        identity, now = str(ULID()), datetime.now(UTC)
        row = {
            "id": identity, "tenant": tenant, "kb": kb, "name": name, "site": site_of(config.base_url),
            "config": config.model_dump_json(), "credentials": self._seal(tenant, identity, credentials),
            "state": "active" if credentials else "needs_credentials", "why": "",
            "refresh_minutes": refresh_minutes, "prune_minutes": prune_minutes,
            "next_sync": now if refresh_minutes else None, "next_census": now if prune_minutes else None,
            "created": now, "updated": now,
        }  # fmt: skip
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(connector.insert().values(row))
        return self.get(tenant, identity)

    def change(
        self,
        tenant: str,
        identity: str,
        *,
        name: str | None = None,
        config: ConnectorConfig | None = None,
        credentials: Mapping[str, str] | None = None,
        **schedule: int | None,
    ) -> SavedConnector:
        """Change what is given (`refresh_minutes`, `prune_minutes`: None ends that schedule). New credentials end
        needs_credentials and needs_attention. Raises NotFoundError."""
        before, now = self.get(tenant, identity), datetime.now(UTC)
        values: dict[str, Any] = {"updated": now, **schedule}
        if name is not None:
            values["name"] = name
        if config is not None:
            values |= {"config": config.model_dump_json(), "site": site_of(config.base_url)}
        if credentials:
            values |= {"credentials": self._seal(tenant, identity, credentials), "why": ""}
            values["state"] = "paused" if before.state == "paused" else "active"
        for minutes, due in (("refresh_minutes", "next_sync"), ("prune_minutes", "next_census")):
            if minutes in schedule and schedule[minutes] != getattr(before, minutes):
                wait = schedule[minutes]
                values[due] = None if wait is None else now + timedelta(minutes=wait)
        self._update(tenant, identity, values)
        return self.get(tenant, identity)

    def get(self, tenant: str, identity: str, *, removed: bool = False) -> SavedConnector:
        """One connector; raises NotFoundError, for another tenant's and (unless asked for) a removed one too."""
        query = select(connector).where(connector.c.tenant == tenant, connector.c.id == identity)
        with reachable(self._engine), self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None or (row.removed and not removed):
            raise NotFoundError(f"There is no connector {identity}.")
        return _connector(row)

    def page(self, tenant: str, *, after: str = "", limit: int = 100, kb: str | None = None) -> list[SavedConnector]:
        """A tenant's connectors by age, those after `after`; of one knowledge base if named."""
        query = select(connector).where(
            connector.c.tenant == tenant, connector.c.id > after, connector.c.removed.is_(None)
        )
        if kb is not None:
            query = query.where(connector.c.kb == kb)
        with reachable(self._engine), self._engine.connect() as connection:
            return [_connector(row) for row in connection.execute(query.order_by(connector.c.id).limit(limit))]

    def due(self, now: datetime) -> list[SavedConnector]:
        """All tenants' active connectors whose sync or census is due, or planned for a time that is too far away."""
        query = select(connector).where(
            connector.c.state == "active",
            connector.c.removed.is_(None),
            or_(
                _is_due(connector.c.next_sync, connector.c.refresh_minutes, now),
                _is_due(connector.c.next_census, connector.c.prune_minutes, now),
            ),
        )
        with reachable(self._engine), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(connector.c.next_sync)).all()
        return [saved for row in rows if (saved := _connector_if_sound(row))]

    def site(self, identity: str) -> str:
        """The site of one connector of any tenant, removed or not; "" when there is none."""
        query = select(connector.c.site).where(connector.c.id == identity)
        with reachable(self._engine), self._engine.connect() as connection:
            return connection.execute(query).scalar() or ""

    def plan(self, before: SavedConnector, *, next_sync: datetime | None, next_census: datetime | None) -> bool:
        """Write when it is due next; whether nobody else had planned it since it was read."""
        unchanged = and_(
            connector.c.id == before.id,
            connector.c.next_sync.is_not_distinct_from(before.next_sync),
            connector.c.next_census.is_not_distinct_from(before.next_census),
        )
        update = connector.update().where(unchanged).values(next_sync=next_sync, next_census=next_census)
        with reachable(self._engine), self._engine.begin() as connection:
            return connection.execute(update).rowcount == 1

    def set_state(self, tenant: str, identity: str, state: ConnectorState, why: str = "") -> None:
        """Where the connector stands now, and why; raises NotFoundError."""
        self._update(tenant, identity, {"state": state, "why": why, "updated": datetime.now(UTC)})

    def mark_removed(self, tenant: str, identity: str) -> None:
        """It is not found from now on; its row goes with `erase`, when its documents are gone."""
        self._update(tenant, identity, {"removed": datetime.now(UTC), "credentials": None})

    def erase(self, tenant: str, identity: str) -> None:
        """Its row and its runs go."""
        with reachable(self._engine), self._engine.begin() as connection:
            connection.execute(connector.delete().where(connector.c.tenant == tenant, connector.c.id == identity))

    def credentials(self, tenant: str, identity: str) -> dict[str, str]:
        """What signs in, opened; empty when there are none. Raises SecretsError."""
        query = select(connector.c.credentials).where(connector.c.tenant == tenant, connector.c.id == identity)
        with reachable(self._engine), self._engine.connect() as connection:
            sealed = connection.execute(query).scalar()
        found: dict[str, str] = orjson.loads(self._vault.open(sealed, _owner(tenant, identity))) if sealed else {}
        return found

    def reseal_all(self) -> int:
        """Seal all credentials with the current master key; how many were sealed with an older one."""
        query = select(connector.c.tenant, connector.c.id, connector.c.credentials)
        with reachable(self._engine), self._engine.begin() as connection:
            rows = [row for row in connection.execute(query) if row.credentials]
            old = [row for row in rows if not self._vault.is_current(row.credentials)]
            for row in old:
                sealed = self._vault.reseal(row.credentials, _owner(row.tenant, row.id))
                unchanged = and_(connector.c.id == row.id, connector.c.credentials == row.credentials)
                connection.execute(connector.update().where(unchanged).values(credentials=sealed))
        return len(old)

    def _seal(self, tenant: str, identity: str, credentials: Mapping[str, str] | None) -> str | None:
        return self._vault.seal(orjson.dumps(dict(credentials)), _owner(tenant, identity)) if credentials else None

    def _update(self, tenant: str, identity: str, values: Mapping[str, Any]) -> None:
        mine = and_(connector.c.tenant == tenant, connector.c.id == identity, connector.c.removed.is_(None))
        with reachable(self._engine), self._engine.begin() as connection:
            if not connection.execute(connector.update().where(mine).values(**values)).rowcount:
                raise NotFoundError(f"There is no connector {identity}.")


def site_of(base_url: str) -> str:
    """Scheme, host and port in one spelling."""
    parts = urlsplit(base_url.strip().lower())
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _is_due(planned: Column[Any], minutes: Column[Any], now: datetime) -> ColumnElement[bool]:
    """Farther away than two periods is what was planned before the clock was put back."""
    present = round(now.timestamp() * 1000)
    time, period = type_coerce(planned, BigInteger), type_coerce(minutes, BigInteger) * 60_000
    return or_(time <= present, time - 2 * period > present)


def _owner(tenant: str, identity: str) -> str:
    return f"{tenant}/{identity}"


def _connector_if_sound(row: Row[Any]) -> SavedConnector | None:
    """One that cannot be read must not keep the others from being due."""
    try:
        return _connector(row)
    except ValidationError:
        _log.warning("connector %s has a configuration that this version cannot read", row.id)
        return None


def _connector(row: Row[Any]) -> SavedConnector:
    return SavedConnector(
        row.id, row.tenant, row.kb, row.name, row.site, ConnectorConfig.model_validate_json(row.config),
        row.credentials is not None, row.state, row.why, row.refresh_minutes, row.prune_minutes,
        row.next_sync, row.next_census, row.created, row.updated, row.removed,
    )  # fmt: skip

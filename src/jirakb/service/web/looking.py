"""How do a tenant's connectors and their runs stand now, as events? Two reads of the tables; remembers nothing."""

from __future__ import annotations

from collections.abc import Sequence

from jirakb.control.connectors import SavedConnector
from jirakb.engine.open import Service
from jirakb.errors import NotFoundError
from jirakb.service.web.feed import Event
from jirakb.service.web.models.connectors import ConnectorBrief
from jirakb.service.web.views import next_run, run_view

_MOST = 1000


class Looking:
    """What a feed looks with."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def look(self, tenant: str, connector: str | None) -> Sequence[Event]:
        """The connectors, and the newest run of each."""
        saved = self._connectors(tenant, connector)
        latest = self._service.runs.latest(tenant, [one.id for one in saved])
        runs = [run_view(run) for run in latest.values()]
        return [
            *(Event("connector", one.id, _brief(one).model_dump_json()) for one in saved),
            *(Event("run", run.id, run.model_dump_json()) for run in runs),
        ]

    def _connectors(self, tenant: str, connector: str | None) -> list[SavedConnector]:
        if connector is None:
            return self._service.connectors.page(tenant, limit=_MOST)
        try:
            return [self._service.connectors.get(tenant, connector)]
        except NotFoundError:
            return []


def _brief(saved: SavedConnector) -> ConnectorBrief:
    return ConnectorBrief(
        id=saved.id, name=saved.name, state=saved.state, why=saved.why, kb_id=saved.kb, next_run=next_run(saved)
    )

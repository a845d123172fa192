"""What a connector learns when it begins, and how it says what is wrong with its settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jirakb.errors import ConnectorValidationError, InsufficientPermissionsError, RateLimitedError
from jirakb.jira.pacing import Timing
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault, throttle


def scoped_site(**options: Any) -> Site:
    site = Site("cloud", **options)
    site.create("ABC", "Issue", number=101)
    return site


def passing(waits: list[float]) -> Timing:
    """Time that passes only when somebody waits; notes each wait."""
    return Timing(monotonic=lambda: sum(waits), now=lambda: 1_760_000_000.0 + sum(waits), sleep=waits.append)


SCOPED = {"jira_user_email": "agent@example.com", "jira_api_token": "sim-scoped"}


@pytest.mark.parametrize("said", [True, False], ids=["said", "found"])
def test_a_scoped_token_reads_a_site_through_the_gateway(serving: Callable[[Any], Any], said: bool) -> None:
    served = serving(scoped_site())
    connector = served.connector(credentials=SCOPED, scoped_token=said)
    connector.validate_connector_settings()
    assert len(connector.fetch([101]).issues) == 1
    assert connector.identify().id == served.site.cloud_id
    assert served.running.record.refused == ({} if said else {"sim-scoped": 1})


def test_a_service_accounts_token_without_a_scope_is_told_so_and_not_sent_again(serving: Callable[[Any], Any]) -> None:
    site = scoped_site()
    site.account("app", email="app@example.com", scoped_token="narrow", scopes=["read:jira-work"])
    served = serving(site)
    connector = served.connector(credentials={"jira_user_email": "app@example.com", "jira_api_token": "narrow"})
    with pytest.raises(InsufficientPermissionsError, match="lacks a scope") as raised:
        connector.identify()
    assert "read:jira-user" in raised.value.fix
    assert served.running.record.by_endpoint["GET myself"] == 2


def test_a_site_below_a_path_and_with_a_name_of_its_own_is_read(serving: Callable[[Any], Any]) -> None:
    """The simulated site's address tells nothing of Jira, and serverInfo's is another one."""
    site = Site("dc", base_path="/tools/jira")
    site.create("ABC", "Issue", number=101)
    served = serving(site)
    assert served.running.base_url.endswith("/tools/jira")
    assert served.numbers() == [101]


@pytest.mark.parametrize("status", [401, 403])
def test_a_project_that_is_refused_is_a_matter_of_permission(served: Any, status: int) -> None:
    served.site.switches.faults = [Fault(status, every=1, endpoints=("GET project/{key}",))]
    with pytest.raises(InsufficientPermissionsError) as raised:
        served.connector().validate_connector_settings()
    assert raised.value.status == status
    assert raised.value.fix


def test_a_missing_project_is_named_with_what_to_do(served: Any) -> None:
    with pytest.raises(ConnectorValidationError, match="NOPE") as raised:
        served.connector("NOPE").validate_connector_settings()
    assert not isinstance(raised.value, InsufficientPermissionsError)
    assert (raised.value.status, bool(raised.value.fix)) == (404, True)


def test_wait_is_waited_for_and_no_fault_of_the_settings(served: Any) -> None:
    waits: list[float] = []
    served.site.switches.faults = [throttle(every=1, times=1, endpoints=("GET project/{key}",), retry_after="7")]
    served.connector(timing=passing(waits)).validate_connector_settings()
    assert sum(waits) >= 7


def test_a_site_that_says_nothing_but_wait_is_not_called_misconfigured(served: Any) -> None:
    waits: list[float] = []
    served.site.switches.faults = [throttle(every=1, endpoints=("GET project/{key}",), retry_after="3600")]
    connector = served.connector(timing=passing(waits))
    with pytest.raises(RateLimitedError) as raised:
        connector.validate_connector_settings()
    assert raised.value.exit_code == 5


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("colour = red", "Field 'colour' does not exist or you do not have permission to view it."),
        ("status = Asleep", "The value 'Asleep' does not exist for the field 'status'."),
        ("status =", "Expecting either a value, list or function"),
    ],
)
def test_a_query_is_refused_in_jiras_words_with_what_to_do(served: Any, jql: str, words: str) -> None:
    with pytest.raises(ConnectorValidationError) as raised:
        served.connector(None, jql_query=jql).validate_connector_settings()
    assert words in raised.value.message
    assert raised.value.fix
    assert raised.value.code == "query_refused"

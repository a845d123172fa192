"""A secret that the site refused is not sent again, by whichever thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.jira.conftest import TOKENS

from jirakb.errors import InsufficientPermissionsError
from jirakb.simulator.site import Site

THREADS = 8
PASSWORD = {"jira_username": "agent", "jira_password": "sim-password"}
SECRETS = {"cloud": "sim-token", "dc": "sim-pat"}


def full_site(flavor: str) -> Site:
    site = Site(flavor)  # type: ignore[arg-type]
    for number in range(8):
        site.create("ABC", f"Issue {number}", number=101 + number)
    return site


def refused_everywhere(connector: Any) -> int:
    """Has every thread fetch again and again, whatever is answered; how many fetches were refused."""

    def fetch(number: int) -> bool:
        try:
            connector.fetch([101 + number % 8])
        except InsufficientPermissionsError:
            return True
        return False

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(fetch, range(10 * THREADS)))


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_a_wrong_secret_is_sent_at_most_three_times_by_all_threads(serving: Callable[[Any], Any], flavor: str) -> None:
    served = serving(full_site(flavor))
    connector = served.connector(credentials=TOKENS[flavor] | {"jira_api_token": "stale"})
    assert refused_everywhere(connector) == 10 * THREADS
    with pytest.raises(InsufficientPermissionsError):
        connector.validate_connector_settings()
    with pytest.raises(InsufficientPermissionsError):
        list(connector.list_all())
    assert 1 <= served.running.record.refused["stale"] <= 3


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_a_token_that_dies_in_a_run_is_sent_no_more_once_that_is_known(
    serving: Callable[[Any], Any], flavor: str
) -> None:
    """What is under way when it dies cannot be called back: at most a call per thread and the question who is asking."""
    served = serving(full_site(flavor))
    connector = served.connector()
    connector.identify()
    served.site.switches.latency = 0.02
    served.site.revoke(SECRETS[flavor])
    assert refused_everywhere(connector) == 10 * THREADS
    record = served.running.record
    assert record.refused[SECRETS[flavor]] <= 2 * THREADS + 1
    assert record.by_endpoint["GET myself"] <= 3
    sent = record.total
    assert refused_everywhere(connector) == 10 * THREADS
    assert (record.total, record.violations) == (sent, [])


def test_a_password_that_is_changed_in_a_run_does_not_lock_the_account(serving: Callable[[Any], Any]) -> None:
    served = serving(full_site("dc"))
    connector = served.connector(credentials=PASSWORD)
    connector.identify()
    served.site.switches.latency = 0.02
    served.site.switches.captcha_after = 4
    served.site.revoke("sim-password")
    assert refused_everywhere(connector) == 10 * THREADS
    assert served.running.record.refused["sim-password"] <= 3
    assert served.site.accounts.failures("agent") < 4


def test_a_locked_account_is_asked_once_by_all_threads(serving: Callable[[Any], Any]) -> None:
    served = serving(full_site("dc"))
    served.site.switches.login_reason_on_captcha = False
    for _ in range(3):
        served.site.accounts.failed("agent")
    connector = served.connector(credentials=PASSWORD)
    assert refused_everywhere(connector) == 10 * THREADS
    with pytest.raises(InsufficientPermissionsError, match="CAPTCHA"):
        connector.identify()
    assert served.running.record.refused == {"sim-password": 1}


def test_new_credentials_are_tried_after_a_refusal(serving: Callable[[Any], Any]) -> None:
    served = serving(full_site("dc"))
    connector = served.connector(credentials={"jira_api_token": "stale"})
    with pytest.raises(InsufficientPermissionsError):
        connector.identify()
    connector.load_credentials(TOKENS["dc"])
    assert connector.identify().account == "agent"

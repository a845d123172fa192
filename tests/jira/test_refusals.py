"""A secret that the site refused is not sent again, by whichever thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from tests.jira.conftest import TOKENS

from jirakb.errors import InsufficientPermissionsError
from jirakb.jira.pacing import Timing
from jirakb.simulator.site import Site
from jirakb.simulator.switches import Fault

THREADS = 8
PASSWORD = {"jira_username": "agent", "jira_password": "sim-password"}
SECRETS = {"cloud": "sim-token", "dc": "sim-pat"}


def full_site(flavor: str) -> Site:
    site = Site(flavor)  # type: ignore[arg-type]
    for number in range(8):
        site.create("ABC", f"Issue {number}", number=101 + number)
    return site


def hasty(sleep: Callable[[float], None] = lambda _: None) -> Timing:
    """No pause lasts."""
    return Timing(sleep=sleep)


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
    assert record.refused[SECRETS[flavor]] <= THREADS + 1
    assert record.by_endpoint["GET myself"] == 2  # to begin with, and in doubt
    sent = record.total
    assert refused_everywhere(connector) == 10 * THREADS
    assert (record.total, record.violations) == (sent, [])


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_calls_that_wait_for_their_turn_do_not_send_a_secret_that_is_doubted(
    serving: Callable[[Any], Any], flavor: str, connections: int
) -> None:
    """However many wait: only what is under way when a token dies comes back refused, and then who is asking is asked."""
    served = serving(full_site(flavor))
    connector = served.connector(connections=connections)
    connector.fetch([101])
    served.running.record.clear()
    served.site.switches.latency = 0.02
    served.site.revoke(SECRETS[flavor])
    assert refused_everywhere(connector) == 10 * THREADS
    assert served.running.record.refused[SECRETS[flavor]] <= connections + 1


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_a_refusal_counts_though_its_body_breaks_off(serving: Callable[[Any], Any], flavor: str) -> None:
    served = serving(full_site(flavor))
    connector = served.connector(credentials=TOKENS[flavor] | {"jira_api_token": "stale"}, timing=hasty())
    served.site.switches.faults = [Fault(every=1, kind="truncate", endpoints=("GET myself",))]
    with pytest.raises(InsufficientPermissionsError):
        connector.identify()
    assert served.running.record.refused["stale"] == (2 if flavor == "cloud" else 1)  # once at each door


def test_a_refused_password_whose_answer_breaks_off_does_not_lock_the_account(serving: Callable[[Any], Any]) -> None:
    served = serving(full_site("dc"))
    served.site.switches.faults = [Fault(every=1, kind="truncate", endpoints=("GET myself",))]
    connector = served.connector(credentials=PASSWORD | {"jira_password": "stale"}, timing=hasty())
    with pytest.raises(InsufficientPermissionsError):
        connector.identify()
    assert served.site.accounts.failures("agent") == 1


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_an_answer_to_nobody_is_doubted_though_its_body_breaks_off(serving: Callable[[Any], Any], flavor: str) -> None:
    served = serving(full_site(flavor))
    connector = served.connector(timing=hasty())
    connector.fetch([101])
    served.running.record.clear()
    served.site.revoke(SECRETS[flavor])
    served.site.switches.faults = [Fault(every=1, kind="truncate")]
    with pytest.raises(InsufficientPermissionsError):
        connector.fetch([101])
    assert served.running.record.refused == {SECRETS[flavor]: 2}  # what was asked, and who is asking


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_no_other_thread_sends_a_secret_while_it_is_doubted(serving: Callable[[Any], Any], flavor: str) -> None:
    served = serving(full_site(flavor))
    others = ThreadPoolExecutor(THREADS)
    sent: list[Future[int]] = []

    def pause(seconds: float) -> None:
        """The first pause is that of who makes sure: all others come in it."""
        if not sent:
            sent.extend(others.submit(connector.fetch, [101 + number]) for number in range(THREADS))
            wait(sent, timeout=0.3)

    connector = served.connector(timing=hasty(pause))
    connector.fetch([101])
    served.running.record.clear()
    served.site.revoke(SECRETS[flavor])
    served.site.switches.faults = [Fault(503, every=1, times=2, endpoints=("GET myself",))]
    with others, pytest.raises(InsufficientPermissionsError):
        connector.fetch([101])
    assert [type(one.exception()) for one in sent] == [InsufficientPermissionsError] * THREADS
    assert served.running.record.refused == {SECRETS[flavor]: 2}


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

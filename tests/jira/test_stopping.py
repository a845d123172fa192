"""Giving up in the middle: whoever interrupts a sync does not wait for the site."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.jira.conftest import TOKENS
from tests.jira.tls import Authority, tls_front

from jirakb.errors import SiteError
from jirakb.fetch import fetch_windows
from jirakb.jira.connector import JiraConnector
from jirakb.simulator.switches import Fault, throttle

BODIES = ("POST issue/bulkfetch", "POST search")


def _windows() -> list[tuple[int, ...]]:
    return [(number,) for number in range(101, 106)]


def _soon(seconds: float, work: Any) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("fault", [throttle(every=1, retry_after="3600"), Fault(503, every=1, retry_after="3600")])
def test_a_wait_that_the_site_asked_for_ends_at_once(served: Any, fault: Fault) -> None:
    fault.seen, fault.endpoints = 0, BODIES
    connector = served.connector()
    connector.identify()
    served.site.switches.faults.append(fault)
    _soon(0.3, connector.stop)
    began = time.monotonic()
    with pytest.raises(SiteError, match="stopped"):
        connector.fetch([101])
    assert time.monotonic() - began < 3


def test_nothing_is_asked_of_a_site_after_the_stop(served: Any) -> None:
    connector = served.connector()
    connector.identify()
    connector.stop()
    asked = connector.requests().total
    with pytest.raises(SiteError, match="stopped"):
        list(connector.list_all())
    assert connector.requests().total == asked


def test_a_consumer_that_goes_away_does_not_wait_for_the_rest(served: Any) -> None:
    connector = served.connector()
    connector.identify()
    served.site.switches.faults.append(throttle(every=2, retry_after="3600", endpoints=BODIES))
    windows = fetch_windows(connector, _windows(), 1)
    next(windows)
    began = time.monotonic()
    windows.close()
    assert time.monotonic() - began < 3


def test_an_interrupt_while_all_calls_are_held_back_ends_the_fetching(served: Any) -> None:
    connector = served.connector()
    connector.identify()
    served.site.switches.faults.append(throttle(every=1, retry_after="3600", endpoints=BODIES))
    main = threading.main_thread().ident
    assert main is not None
    _soon(0.5, lambda: signal.pthread_kill(main, signal.SIGINT))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(fetch_windows(connector, _windows(), 2))
    assert time.monotonic() - began < 3


def test_a_call_that_the_site_does_not_answer_is_broken_off(served: Any) -> None:
    connector = served.connector()
    connector.identify()
    served.site.switches.latency = 4
    _soon(0.3, connector.stop)
    began = time.monotonic()
    with pytest.raises(SiteError, match="stopped"):
        connector.fetch([101])
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("moment", ["the answer", "the whole of the answer"])
def test_a_call_over_tls_that_is_not_answered_is_broken_off(served: Any, tmp_path: Path, moment: str) -> None:
    authority = Authority(tmp_path)
    settings = replace(served.settings, ca_bundle=str(authority.bundle))
    with tls_front(served.running.base_url, authority.certificate("site")) as address:
        connector = JiraConnector(address, "ABC", settings=settings, credentials=TOKENS[served.site.flavor])
        with closing(connector):
            connector.identify()
            if moment == "the answer":
                served.site.switches.latency = 4
            else:
                served.site.switches.faults.append(Fault(every=1, kind="stall", seconds=4, endpoints=BODIES))
            _soon(0.3, connector.stop)
            began = time.monotonic()
            with pytest.raises(SiteError, match="stopped"):
                connector.fetch([101])
            assert time.monotonic() - began < 3

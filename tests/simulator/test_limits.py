"""The site's limits: who is refused, when, and what the answers tell of it."""

from __future__ import annotations

from dataclasses import replace

from jirakb.simulator.limits import burst, user_bucket
from jirakb.simulator.switches import ABSURD, throttle


def at(start, flavor):
    now = [100.0]
    return start(flavor, monotonic=lambda: now[0]), now


def test_cloud_limits_each_endpoint_and_says_so_only_when_it_refuses(start):
    client, now = at(start, "cloud")
    client.site.switches.limits = [burst(4)]
    answers = [client.get("myself") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert not [name for answer in answers[:4] for name in answer.headers if "ratelimit" in name.lower()]
    refused = answers[4].headers
    assert (refused["Retry-After"], refused["RateLimit-Reason"]) == ("1", "jira-burst-based")
    assert client.get("field").status_code == 200
    now[0] += 1
    assert [client.get("myself").status_code for _ in range(5)] == [200] * 4 + [429]
    assert client.get("/_sim/record").json()["limits"] == [{"admitted": 9, "refused": 2, "seconds": 1.0}]


def test_cloud_warns_where_it_does_so_when_less_than_a_fifth_is_left(start):
    client, _ = at(start, "cloud")
    client.site.switches.limits = [replace(burst(10), warns=True)]
    told = [client.get("myself").headers.get("X-RateLimit-NearLimit") for _ in range(10)]
    assert told == [None] * 8 + ["true"] * 2


def test_data_center_limits_each_user_and_tells_with_every_answer(start):
    client, now = at(start, "dc")
    client.site.switches.limits = [user_bucket(3, 5)]
    told = [client.get(path).headers for path in ("myself", "field", "serverInfo")]
    assert [headers.get("X-RateLimit-Remaining") for headers in told] == ["2", "1", None]
    names = ("Limit", "FillRate", "Interval-Seconds")
    assert [told[0][f"X-RateLimit-{name}"] for name in names] == ["3", "5", "1"]
    assert told[0]["Retry-After"] == "0"
    refused = client.get("myself")
    assert (refused.status_code, refused.headers["Retry-After"], refused.headers["X-RateLimit-Remaining"]) == (
        429,
        "1",
        "0",
    )
    assert refused.json()["message"]
    assert client.get("serverInfo", headers={}).status_code == 200, "strangers draw from no bucket"
    now[0] += 0.2
    assert client.get("myself").headers["X-RateLimit-Remaining"] == "0"


def test_after_a_quota_is_used_up_every_call_is_too_early(start):
    client, now = at(start, "cloud")
    client.site.switches.faults = [throttle(every=1, times=1, retry_after="10", reason="jira-quota-tenant-based")]
    client.get("myself")
    now[0] += 5
    client.get("field")
    assert [(v.kind, v.endpoint) for v in client.running.record.violations] == [("retried too early", "GET field")]
    now[0] += 5
    client.get("field")
    assert len(client.running.record.violations) == 1


def test_on_data_center_a_refusal_concerns_every_call(start):
    client, now = at(start, "dc")
    client.site.switches.faults = [replace(throttle(every=1, times=1, retry_after="10"), headers={})]
    client.get("myself")
    now[0] += 5
    client.get("field")
    assert len(client.running.record.violations) == 1


def test_a_wait_told_as_a_date_counts_and_one_that_nobody_can_mean_does_not(start):
    client, now = at(start, "cloud")
    client.site.switches.faults = [throttle(every=1, times=1, retry_after=said) for said in (ABSURD, "in 10")]
    assert client.get("myself").headers["Retry-After"] == ABSURD
    now[0] += 5
    assert client.get("myself").headers["Retry-After"].endswith("GMT")
    assert client.running.record.violations == []
    now[0] += 5
    client.get("myself")
    assert len(client.running.record.violations) == 1

"""The site's bad moods, and the record of how clients take them."""

from __future__ import annotations

import threading

import httpx2 as httpx
import pytest

from jirakb.simulator.switches import Fault, every_fault, outage, throttle


def statuses(client, path, times):
    return [client.get(path).status_code for _ in range(times)]


def test_every_third_call_of_an_endpoint_is_throttled(cloud):
    cloud.site.switches.faults.append(throttle(every=3, endpoints=("GET myself",), retry_after="7"))
    assert statuses(cloud, "myself", 6) == [200, 200, 429, 200, 200, 429]
    assert statuses(cloud, "field", 3) == [200, 200, 200]
    cloud.site.switches.faults[0].seen = 2
    refused = cloud.get("myself")
    assert (refused.headers["Retry-After"], refused.headers["RateLimit-Reason"]) == ("7", "jira-burst-based")


def test_a_share_of_calls_fails_alike_for_the_same_seed(start):
    def story():
        client = start("cloud")
        client.site.switches.faults.append(outage(share=0.5))
        return statuses(client, "myself", 20)

    first = story()
    assert first == story()
    assert {200, 503} == set(first)


def test_a_fault_can_end(client):
    client.site.switches.faults.append(Fault(500, every=1, times=2, kind="empty"))
    assert statuses(client, "myself", 3) == [500, 500, 200]


def test_connections_break_and_answers_are_cut_short(client):
    for kind in ("reset", "truncate", "break"):
        client.site.switches.faults = [Fault(every=1, times=1, kind=kind)]
        with pytest.raises(httpx.TransportError):
            client.get("field")
        assert client.get("field").status_code == 200


def test_a_call_before_its_time_is_a_violation(start):
    now = [100.0]
    client = start("cloud", monotonic=lambda: now[0])
    client.site.switches.faults.append(throttle(every=1, times=1, retry_after="10"))
    client.get("myself")
    now[0] += 0.1
    client.get("myself")
    client.get("field")
    assert client.running.record.violations == []
    now[0] += 5
    client.get("myself")
    assert [v.kind for v in client.running.record.violations] == ["retried too early"]
    now[0] += 5
    client.get("myself")
    assert len(client.running.record.violations) == 1


def test_requests_are_counted_by_endpoint_and_status(client):
    key = client.site.create("SHOP", "x")
    for path in (f"issue/{key}", f"issue/{key}/comment", f"issue/{key}/comment", "issue/NOPE-1", "nothing/123/here"):
        client.get(path)
    counts = client.running.record.by_endpoint
    assert counts == {"GET issue/{key}": 2, "GET issue/{key}/comment": 2, "GET nothing/{key}/here": 1}
    assert client.running.record.by_status == {200: 3, 404: 2}
    told = client.get("/_sim/record").json()
    assert (told["by_endpoint"], told["total"], told["violations"]) == (counts, 5, [])


def test_another_process_can_run_verbs(client):
    created = client.post("/_sim/edit", {"verb": "create", "args": {"project": "SHOP", "summary": "from afar"}}).json()
    assert created == {"result": "SHOP-1"}
    client.post("/_sim/edit", {"verb": "comment", "args": ["SHOP-1", "hello"]})
    assert client.get("issue/SHOP-1/comment").json()["total"] == 1
    assert client.post("/_sim/edit", {"verb": "keep", "args": {}}).status_code == 400
    assert client.post("/_sim/edit", {"verb": "touch", "args": ["SHOP-9"]}).status_code == 400


def test_issues_can_change_after_every_second_call(cloud):
    key = cloud.site.create("SHOP", "x")
    cloud.site.switches.edit_every = 2
    before = cloud.site.get(key).source
    cloud.get("myself")
    assert cloud.site.get(key).source == before
    cloud.get("myself")
    assert cloud.site.get(key).source != before


def test_sixteen_slow_calls_wait_together(cloud):
    cloud.site.switches.latency = 0.3
    threads = [threading.Thread(target=cloud.get, args=("field",)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloud.get("/_sim/record").json()["most_at_once"] == 16


def test_half_of_the_json_can_come_as_if_it_were_all(client):
    client.site.switches.faults = [Fault(every=1, times=1, kind="garble")]
    cut = client.get("field")
    assert cut.status_code == 200
    with pytest.raises(ValueError, match="line 1"):
        cut.json()


def test_a_caller_can_be_taken_for_nobody_and_sees_nothing_but_success(client):
    client.site.create("SHOP", "x")
    client.site.switches.faults = [Fault(every=1, times=1, kind="anonymous")]
    assert client.get("myself").status_code == 200, "only where strangers are answered at all"
    answer = client.search("created >= -1d")
    assert (answer.status_code, answer.json()["issues"]) == (200, [])
    assert answer.headers.get("X-AUSERNAME", "anonymous") == "anonymous"
    assert "X-AAccountId" not in answer.headers
    assert client.found("project = SHOP")
    assert client.running.record.refused.total() == 0


def test_a_slow_answer_holds_up_nobody_else(client):
    client.site.switches.faults = [Fault(every=1, times=1, kind="slow", seconds=1, endpoints=("GET field",))]
    slow = threading.Thread(target=client.get, args=("field",))
    slow.start()
    assert client.get("myself").status_code == 200
    assert slow.is_alive()
    slow.join()


def test_pages_can_be_short_and_search_can_lose_sight_of_what_has_changed(client):
    for number in range(8):
        client.site.create("SHOP", f"x{number}")
    client.site.switches.short_pages = 1.0
    assert len(client.search("project = SHOP", params={"maxResults": "8"}).json()["issues"]) == 4
    client.site.switches.short_pages = 0.0
    client.site.switches.flicker = 1.0
    assert client.found("project = SHOP") == []
    client.site.switches.flicker = 0.0
    assert len(client.found("project = SHOP")) == 8


def test_another_process_can_change_the_sites_mood(client):
    limit = {"per_second": 4, "capacity": 4, "endpoints": ["GET field"]}
    mood = {"faults": 0.25, "limits": [limit], "short_pages": 0.5, "latency": 0.0}
    assert client.post("/_sim/mood", mood).status_code == 200
    switches = client.site.switches
    assert [fault.kind for fault in switches.faults] == [fault.kind for fault in every_fault()]
    assert (switches.faults[0].share, switches.limits[0].per_second, switches.short_pages) == (0.25, 4, 0.5)
    assert client.post("/_sim/mood", {"clock": 1}).status_code == 400
    assert client.post("/_sim/mood", {"faults": 0, "limits": []}).status_code == 200
    assert (switches.faults, switches.limits) == ([], [])

"""Bytes of attachments: media host, ranges, login page, files and made-up bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from jirakb.simulator.site import Site


@pytest.fixture
def attached(client):
    key = client.site.create("SHOP", "x")
    client.site.attach(key, "a b.txt", b"0123456789", mime="text/plain")
    return client, client.get(f"issue/{key}").json()["fields"]["attachment"][0]


def test_cloud_sends_to_the_media_host(start):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    client = start("cloud", clock=lambda: now[0])
    id_ = client.site.attach(client.site.create("SHOP", "x"), "a.txt", b"0123456789", mime="text/plain")
    sent = client.get(f"attachment/content/{id_}")
    assert sent.status_code == 303
    where = sent.headers["Location"]
    assert where.startswith(client.running.media_url)
    assert client.http.get(where).content == b"0123456789"
    assert client.http.get(where, headers={"Range": "bytes=8-"}).content == b"89"
    assert client.running.record.violations == []
    assert client.http.get(where, headers={"Authorization": "Basic x"}).status_code == 403
    assert [v.kind for v in client.running.record.violations] == ["credentials sent to the media host"]
    now[0] += timedelta(hours=1)
    assert client.http.get(where).status_code == 403


def test_bytes_come_whole_and_in_ranges(attached):
    client, held = attached
    path = held["content"] + ("?redirect=false" if client.site.cloud else "")
    path = path.removeprefix(client.running.base_url)
    assert client.get(path).content == b"0123456789"

    def ranged(text):
        headers = {"Range": text, "Authorization": client.get("myself").request.headers["Authorization"]}
        return client.get(path, headers=headers)

    assert (ranged("bytes=2-4").status_code, ranged("bytes=2-4").content) == (206, b"234")
    assert ranged("bytes=-3").content == b"789"
    assert ranged("bytes=20-").status_code == 416
    assert ranged("potatoes").status_code == 400


def test_cloud_writes_the_id_as_a_number_in_the_attachments_own_page(attached):
    client, held = attached
    own = client.get(f"attachment/{held['id']}").json()
    assert own["id"] == (int(held["id"]) if client.site.cloud else held["id"])


def test_strangers_are_sent_to_the_login_page_of_data_center(dc):
    key = dc.site.create("SHOP", "x")
    dc.site.attach(key, "a.txt", b"secret")
    url = dc.get(f"issue/{key}").json()["fields"]["attachment"][0]["content"]
    sent = dc.http.get(url)
    assert sent.status_code == 302
    page = dc.http.get(sent.headers["Location"])
    assert (page.status_code, "html" in page.headers["Content-Type"]) == (200, True)


def test_attachments_of_unseen_issues_are_missing(client):
    key = client.site.create("SHOP", "x")
    id_ = client.site.attach(key, "a.txt", b"secret")
    client.site.lose("SHOP")
    assert client.get(f"attachment/{id_}").status_code == 404


def test_a_site_file_gives_real_bytes_and_others_are_made_up(tmp_path, start):
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "a.txt").write_bytes(b"real")
    files = [
        {"id": "501", "filename": "a.txt", "path": "held/a.txt", "created": "2026-01-01T00:00:00.000+0000", "size": 99},
        {"id": "502", "filename": "b.bin", "created": "2026-01-01T00:00:00.000+0000", "size": 5000},
    ]
    line = {"id": "10001", "key": "SHOP-1", "fields": {"summary": "x", "attachment": files}}
    (tmp_path / "site.jsonl").write_bytes(orjson.dumps(line))
    client = start(Site.load([tmp_path / "site.jsonl"]))
    real, made_up = (client.get(f"attachment/content/{id_}?redirect=false").content for id_ in (501, 502))
    assert real == b"real"
    assert client.get("issue/SHOP-1").json()["fields"]["attachment"][0]["size"] == 4
    assert len(made_up) == 5000
    assert made_up == client.get("attachment/content/502?redirect=false").content
    client.site.switches.unknown_bytes = "missing"
    assert client.get("attachment/content/502?redirect=false").status_code == 404

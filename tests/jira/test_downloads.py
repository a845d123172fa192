"""Which bytes of an attachment arrive, and what is said of those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from jirakb.documents import Document
from jirakb.errors import InsufficientPermissionsError
from jirakb.jira.downloads import may_follow
from jirakb.jira.pacing import Timing
from jirakb.simulator.switches import Fault, outage

FILE = "GET secure/attachment/{key}"
CONTENT = "GET attachment/content/{key}"
MEDIA = "GET media/{key}"
HASTY = Timing(sleep=lambda seconds: None)


class Fetching:
    """Issue ABC-1 with an attachment, fetched and rendered by connectors that want attachments."""

    def __init__(self, served: Any) -> None:
        self.served = served
        self.site = served.site
        self.record = served.running.record

    @property
    def last_door(self) -> str:
        """Where the bytes come from in the end."""
        return MEDIA if self.site.flavor == "cloud" else FILE

    def fetch(self, connector: Any = None, **options: Any) -> tuple[dict[str, Document], list[tuple[str, str, str]]]:
        """The attachments' documents by file name, and the omissions."""
        connector = connector or self.served.connector(include_attachments=True, timing=HASTY, **options)
        rendered = connector.render(connector.fetch([101]).issues[0])
        documents = {document.title: document for document in rendered.documents[1:]}
        return documents, [(o.cls, o.reason, o.detail) for o in rendered.omissions]


@pytest.fixture
def fetching(served: Any) -> Fetching:
    return Fetching(served)


def test_an_attachment_becomes_a_document_of_its_issue(fetching: Fetching) -> None:
    fetching.site.label("ABC-1", "blue")
    id_ = fetching.site.attach("ABC-1", "a b.log", "the pump whistles", mime="text/plain")
    documents, omissions = fetching.fetch()
    document = documents["a b.log"]
    assert omissions == []
    assert (document.kind, document.key, document.number) == ("attachment", "ABC-1", 101)
    assert document.id.endswith(f":101/attachment/{id_}")
    assert document.fields.labels == ("blue",)
    assert document.markdown.endswith("---\n\nthe pump whistles\n")
    assert "attachment: a b.log\n" in document.head
    assert fetching.record.violations == []


def test_attachments_are_not_read_unless_wanted(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "the pump whistles")
    connector = fetching.served.connector()
    assert len(connector.render(connector.fetch([101]).issues[0]).documents) == 1
    assert not {FILE, CONTENT, MEDIA} & fetching.record.by_endpoint.keys()


def test_an_attachment_has_the_readers_of_its_issue(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "the pump whistles")
    fetching.site.restrict("ABC-1", "Staff")
    documents, _ = fetching.fetch()
    document = documents["a.log"]
    assert document.readers
    assert {part.readers for part in document.parts} == {document.readers}


def test_a_larger_file_is_left_out_without_a_call(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x" * 2000)
    _, omissions = fetching.fetch(attachment_size_limit=1999)
    assert [(cls, reason) for cls, reason, _ in omissions] == [("excluded", "too_large")]
    assert not {FILE, CONTENT, MEDIA} & fetching.record.by_endpoint.keys()
    assert set(fetching.fetch(attachment_size_limit=2000)[0]) == {"a.log"}


def test_a_file_larger_than_it_says_is_given_up_at_the_limit(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x" * 300_000, size=10)
    _, omissions = fetching.fetch(attachment_size_limit=1000)
    assert [(cls, reason) for cls, reason, _ in omissions] == [("excluded", "too_large")]


def test_an_empty_file_has_no_text(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "")
    assert [(cls, reason) for cls, reason, _ in fetching.fetch()[1]] == [("excluded", "no_text")]


def test_a_file_that_lies_about_its_type_is_read_as_what_it_is(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "report.pdf", "only a text", mime="application/pdf")
    fetching.site.attach("ABC-1", "photo.txt", b"\x89PNG\r\n\x1a\n" + bytes(50), mime="text/plain")
    documents, omissions = fetching.fetch()
    assert list(documents) == ["report.pdf"]
    assert omissions == [("excluded", "no_ocr", "photo.txt")]


def test_a_file_that_is_gone_is_left_out(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    fetching.site.switches.faults.append(Fault(404, every=1, endpoints=(fetching.last_door,)))
    assert fetching.fetch()[1] == [("excluded", "gone", "a.log")]


def test_a_login_page_is_no_file(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x", mime="text/plain")
    for fault in (
        Fault(200, every=1, endpoints=(fetching.last_door,), kind="html"),
        Fault(302, every=1, endpoints=(CONTENT, FILE), headers={"Location": "/login.jsp?os_destination=x"}),
    ):
        fetching.site.switches.faults = [fault]
        ((cls, reason, detail),) = fetching.fetch()[1]
        assert (cls, reason, detail[:5]) == ("failed", "login_page", "a.log")
    fetching.site.switches.faults.clear()
    assert set(fetching.fetch()[0]) == {"a.log"}


@pytest.mark.parametrize("address", ["", "http://[bad", "https://x:99999/", "http://169.254.169.254/", "gopher://a/b"])
def test_an_address_that_is_none_costs_one_omission(fetching: Fetching, address: str) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    fetching.site.switches.faults.append(Fault(303, every=1, endpoints=(CONTENT, FILE), headers={"Location": address}))
    assert fetching.fetch()[1] == [("failed", "bad_redirect", "a.log")]


def test_a_web_page_that_was_attached_is_a_file(fetching: Fetching) -> None:
    page = "<!DOCTYPE html><html><body><p>the pump whistles</p></body></html>"
    fetching.site.attach("ABC-1", "a.html", page, mime="text/html")
    assert "the pump whistles" in fetching.fetch()[0]["a.html"].markdown


def test_a_door_that_stays_shut_costs_one_omission(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    fetching.site.switches.faults.append(outage(every=1, endpoints=(fetching.last_door,)))
    ((cls, reason, detail),) = fetching.fetch()[1]
    assert (cls, reason) == ("failed", "download_failed")
    assert "token=" not in detail


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("served", ["cloud"], indirect=True)
def test_an_address_whose_time_is_over_is_asked_for_anew_once(fetching: Fetching, status: int) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    fetching.site.switches.faults.append(Fault(status, every=1, times=1, endpoints=(MEDIA,)))
    assert set(fetching.fetch()[0]) == {"a.log"}
    assert (fetching.record.by_endpoint[CONTENT], fetching.record.by_endpoint[MEDIA]) == (2, 2)
    fetching.site.switches.faults = [Fault(status, every=1, endpoints=(MEDIA,))]
    ((cls, reason, _),) = fetching.fetch()[1]
    assert (cls, reason) == (("failed", "download_failed") if status == 403 else ("excluded", "gone"))
    assert fetching.record.by_endpoint[MEDIA] == 4


@pytest.mark.parametrize("served", ["cloud"], indirect=True)
def test_an_address_that_ages_while_it_waits_is_asked_for_anew(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    fetching.site.switches.media_token_seconds = -1
    assert [(cls, reason) for cls, reason, _ in fetching.fetch()[1]] == [("failed", "download_failed")]
    assert fetching.record.by_endpoint[CONTENT] == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "ftp://127.0.0.1/a",
        "file:///etc/passwd",
        "https://u:p@media.example.com/a",
        "//",
    ],
)
def test_an_address_elsewhere_is_not_followed(address: str) -> None:
    assert not may_follow(address, "https://x.atlassian.net")


def test_only_a_site_on_this_machine_may_send_to_this_machine() -> None:
    assert may_follow("https://api.media.atlassian.com/file/1", "https://x.atlassian.net")
    assert may_follow("http://127.0.0.1:99/file/1", "http://127.0.0.1:80")
    for host in ("127.0.0.1", "localhost", "10.0.0.1", "[::1]", "192.168.1.1"):
        assert not may_follow(f"https://{host}/file/1", "https://x.atlassian.net")
    for site in ("https://x.atlassian.net", "http://127.0.0.1:80"):
        assert not may_follow("http://api.media.atlassian.com/file/1", site)
        assert not may_follow("https://169.254.169.254/latest", site)
        for host in ("2130706433", "0x7f.1", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]", "localhost."):
            assert not may_follow(f"https://{host}/a", "https://x.atlassian.net")
    assert may_follow("https://10.0.0.2/file/1", "https://10.0.0.1")


def test_a_token_that_died_is_no_fault_of_the_file(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    connector = fetching.served.connector(include_attachments=True, timing=HASTY)
    connector.identify()
    fetching.site.revoke("sim-token" if fetching.site.flavor == "cloud" else "sim-pat")
    with pytest.raises(InsufficientPermissionsError):
        fetching.fetch(connector)


def test_what_was_read_is_not_fetched_again(fetching: Fetching) -> None:
    id_ = fetching.site.attach("ABC-1", "a.log", "x")
    connector = fetching.served.connector(include_attachments=True, timing=HASTY)
    assert list(fetching.fetch(connector)[0]) == ["a.log"]
    fetching.site.attach("ABC-1", "b.log", "y")
    assert list(fetching.fetch(connector)[0]) == ["a.log", "b.log"]
    assert fetching.record.by_endpoint[fetching.last_door] == 2
    fetching.site.detach("ABC-1", id_)
    assert list(fetching.fetch(connector)[0]) == ["b.log"]


@pytest.mark.parametrize("served", ["cloud"], indirect=True)
def test_a_scoped_token_fetches_through_the_gateway(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "the pump whistles")
    scoped = {"jira_user_email": "agent@example.com", "jira_api_token": "sim-scoped"}
    documents, _ = fetching.fetch(scoped_token=True, credentials=scoped)
    assert documents["a.log"].url.startswith(fetching.served.running.base_url)
    assert fetching.record.violations == []
    assert any("/ex/jira/" in seen.path for seen in fetching.record.requests if seen.endpoint == CONTENT)


def test_a_load_remembers_an_issue_whose_attachment_failed(fetching: Fetching) -> None:
    fetching.site.attach("ABC-1", "a.log", "x")
    connector = fetching.served.connector(include_attachments=True, timing=HASTY)
    fetching.site.switches.faults.append(outage(every=1, endpoints=(fetching.last_door,)))
    load = connector.load_from_checkpoint()
    assert [item.reason for item in load if not isinstance(item, Document)] == ["download_failed"]
    assert load.checkpoint.retry == (101,)
    fetching.site.switches.faults.clear()
    again = connector.load_from_checkpoint(checkpoint=load.checkpoint)
    assert "a.log" in [item.title for item in again if isinstance(item, Document)]
    assert again.checkpoint.retry == ()

"""What an answer of Jira means."""

from __future__ import annotations

import pytest

from jirakb.errors import (
    ConnectorValidationError,
    InsufficientPermissionsError,
    JirakbError,
    ProtocolError,
)
from jirakb.jira.client.answers import Answer, Broken, Throttled, judge, locked_account, refuse_anonymous, words_of
from jirakb.jira.client.retries import Budget, Trouble

NOW = 1_760_000_000.0
JSON = {"content-type": "application/json"}


def _judge(
    status: int, body: bytes = b"{}", headers: dict[str, str] | None = None, label: str = "GET myself"
) -> Answer | Broken | Throttled:
    return judge(label, "https://x", status, JSON | (headers or {}), body, frozenset(), NOW)


def _refused(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> JirakbError:
    with pytest.raises(JirakbError) as raised:
        _judge(status, body, headers)
    return raised.value


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("7200", 3600.0),
        ("0", None),
        ("soon", None),
        ("", None),
        ("Thu, 09 Oct 2025 08:54:10 GMT", 90.0),
        ("Thu, 09 Oct 2020 08:54:10 GMT", None),
    ],
)
def test_retry_after_is_read_in_every_form(said: str, seconds: float | None) -> None:
    headers = {"retry-after": said, "date": "Thu, 09 Oct 2025 08:52:40 GMT"}
    assert _judge(429, headers=headers) == Throttled(seconds, everything=True)


@pytest.mark.parametrize("said", ["9223372036854775807", "99999999999999999999999999", "Fri, 09 Oct 2099 08:52:40 GMT"])
def test_a_wait_that_nobody_can_mean_is_taken_as_not_said(said: str) -> None:
    headers = {"retry-after": said, "date": "Thu, 09 Oct 2025 08:52:40 GMT"}
    assert _judge(429, headers=headers) == Throttled(None, everything=True, nonsense=True)
    assert _judge(503, headers=headers) == Broken("it answered 503 to GET myself", 503, None)
    trouble = Trouble(Budget(), started=0)
    assert [trouble.pause_after_throttle(None, 0.5, nonsense=True) for _ in range(4)][3] is None


def test_a_burst_limit_holds_its_endpoint_and_a_quota_everything() -> None:
    burst = _judge(429, headers={"ratelimit-reason": "jira-burst-based"})
    quota = _judge(
        429, headers={"ratelimit-reason": "jira-quota-tenant-based", "x-ratelimit-reset": "2025-10-09T09:00Z"}
    )
    assert burst == Throttled(None, everything=False)
    assert isinstance(quota, Throttled)
    assert not quota.learn
    assert quota.everything
    assert quota.wait == pytest.approx(1_760_000_400 - NOW, abs=3600)


def test_retry_after_zero_on_a_good_answer_is_no_throttle() -> None:
    assert isinstance(_judge(200, b'{"a": 1}', {"retry-after": "0"}), Answer)


@pytest.mark.parametrize("body", [b"", b"  ", b"<html>", b'{"issues": [{"id'])
def test_an_answer_without_json_is_tried_again(body: bytes) -> None:
    assert isinstance(_judge(200, body), Broken)


def test_a_server_error_is_tried_again_no_sooner_than_asked() -> None:
    assert _judge(503, headers={"retry-after": "30"}) == Broken("it answered 503 to GET myself", 503, 30.0)
    assert _judge(500) == Broken("it answered 500 to GET myself", 500, None)


def test_lone_surrogates_are_read() -> None:
    answer = _judge(200, b'{"a": "\\ud83d"}')
    assert isinstance(answer, Answer)
    assert answer.data == {"a": "\ud83d"}


@pytest.mark.parametrize("header", [{"x-ausername": "anonymous"}, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}])
def test_an_empty_success_to_nobody_is_a_refusal(header: dict[str, str]) -> None:
    with pytest.raises(InsufficientPermissionsError):
        refuse_anonymous(header, "https://x", 200)


def test_a_captcha_names_the_login_page() -> None:
    headers = {
        "x-seraph-loginreason": "AUTHENTICATION_DENIED",
        "x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=https://x/login.jsp",
    }
    error = locked_account(headers, "https://x", 403)
    assert error is not None
    assert "https://x/login.jsp" in error.fix


def test_a_missing_scope_is_named_by_kind() -> None:
    error = _refused(401, b'{"code":401,"message":"Unauthorized; scope does not match"}')
    assert isinstance(error, InsufficientPermissionsError)
    assert "read:jira-user" in error.fix


@pytest.mark.parametrize("body", [b"<html>login</html>", b"plain words", b'{"message":"no","status-code":401}', b""])
def test_a_401_is_a_refusal_whatever_its_body(body: bytes) -> None:
    assert isinstance(_refused(401, body), InsufficientPermissionsError)


def test_a_refused_query_speaks_jiras_words() -> None:
    error = _refused(400, b'{"errorMessages":["Field \'x\' does not exist."],"errors":{"jql":"Bad."}}')
    assert isinstance(error, ConnectorValidationError)
    assert error.message == "Field 'x' does not exist. Bad."


def test_a_redirect_is_not_followed_and_its_query_not_shown() -> None:
    error = _refused(302, headers={"location": "https://other.example/jira?token=secret"})
    assert "https://other.example/jira" in error.message
    assert "secret" not in error.message
    assert isinstance(_refused(302, headers={"location": "/login.jsp"}), InsufficientPermissionsError)


def test_an_unheard_of_status_is_a_fault_of_protocol() -> None:
    assert isinstance(_refused(410, b'{"errorMessages":["The requested API has been removed."]}'), ProtocolError)


@pytest.mark.parametrize("body", [None, [], "x", 7, {"errorMessages": "x", "errors": [1]}])
def test_words_are_read_from_any_body(body: object) -> None:
    assert words_of(body) == ""


def test_a_budget_ends_tries_and_waits() -> None:
    trouble = Trouble(Budget(attempts=3, throttles=2, patience=100), started=0)
    assert trouble.pause_after_broken(None, 0, 0.5) == pytest.approx(0.5)
    assert trouble.pause_after_broken(20, 0, 0.5) == 20
    assert trouble.pause_after_broken(None, 0, 0.5) is None
    assert trouble.pause_after_throttle(60, 0.5) == 60
    assert trouble.pause_after_throttle(60, 0.5) is None


def test_pauses_grow_and_are_spread() -> None:
    trouble = Trouble(Budget(attempts=9), started=0)
    pauses = [trouble.pause_after_broken(None, 0, 0.5) for _ in range(8)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert Trouble(Budget(), 0).pause_after_broken(None, 0, 0.0) == pytest.approx(0.35)

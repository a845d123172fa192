"""Through which door a site is read."""

from __future__ import annotations

from base64 import b64decode

import pytest

from jirakb.errors import InsufficientPermissionsError, UsageError
from jirakb.jira.auth import Credentials, Door, door_for
from jirakb.jira.site import Flavor

SITE, GATEWAY = "https://x.example", "https://gate.example"


def _door(credentials: Credentials, flavor: Flavor, *, scoped: bool = False) -> Door:
    return door_for(credentials, flavor, SITE, cloud_id="c-1", gateway_url=GATEWAY, scoped_token=scoped)


def _basic(door: Door) -> str:
    return b64decode(door.authorization.removeprefix("Basic ")).decode()


def test_an_api_token_goes_to_the_site_as_basic() -> None:
    door = _door(Credentials(email="a@example.com", token=" t\n"), "cloud")
    assert (door.api_root, _basic(door)) == (f"{SITE}/rest/api/3", "a@example.com:t")


def test_a_scoped_token_goes_through_the_gateway() -> None:
    door = _door(Credentials(email="a@example.com", token="t"), "cloud", scoped=True)
    assert (door.api_root, _basic(door)) == (f"{GATEWAY}/ex/jira/c-1/rest/api/3", "a@example.com:t")


def test_a_token_alone_is_an_access_token_on_cloud_and_a_personal_one_on_data_center() -> None:
    assert _door(Credentials(token="t"), "cloud") == Door(f"{GATEWAY}/ex/jira/c-1/rest/api/3", "Bearer t")
    assert _door(Credentials(token="t"), "dc") == Door(f"{SITE}/rest/api/2", "Bearer t")


def test_an_e_mail_beside_a_personal_access_token_does_no_harm() -> None:
    assert _door(Credentials(email="a@example.com", token="t"), "dc").authorization == "Bearer t"


def test_a_password_is_for_data_center_only() -> None:
    credentials = Credentials(username="ann", password="pä:ss")
    assert _basic(_door(credentials, "dc")) == "ann:pä:ss"
    with pytest.raises(InsufficientPermissionsError, match="no passwords"):
        _door(credentials, "cloud")


def test_secrets_are_not_shown() -> None:
    credentials = Credentials("a@example.com", "secret-token", "ann", "secret-password")
    door = _door(credentials, "cloud")
    assert "secret" not in repr(credentials)
    assert door.authorization not in repr(door)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"jira_user_email": "a@example.com"},
        {"jira_password": "secret"},
        {"jira_api_token": "secret 1"},
        {"jira_api_token": 7},
    ],
)
def test_what_cannot_be_credentials_is_refused_without_showing_it(given: dict[str, object]) -> None:
    with pytest.raises(UsageError) as raised:
        Credentials.from_dict(given)
    assert "secret" not in str(raised.value)

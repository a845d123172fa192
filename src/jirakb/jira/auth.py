"""Through which door and with which Authorization is a site read? Pure: sends nothing, shows no secret in messages or reprs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from jirakb.errors import InsufficientPermissionsError, UsageError
from jirakb.jira.site import Flavor


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the user gave. Which kind it is depends on the site: see `door_for`."""

    email: str = ""
    token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_dict(cls, given: Mapping[str, object]) -> Credentials:
        """From `jira_user_email`, `jira_api_token`, `jira_username`, `jira_password`; raises UsageError on anything unusable."""
        known = {name: given.get(f"jira_{name}") for name in ("user_email", "api_token", "username", "password")}
        for name, value in known.items():
            if value is not None and not isinstance(value, str):
                raise UsageError(f"jira_{name} must be a text.")
        texts = {name: str(value or "") for name, value in known.items()}
        found = cls(texts["user_email"], texts["api_token"], texts["username"], texts["password"])
        found.check()
        return found

    def check(self) -> None:
        """Raises UsageError when these cannot be credentials, without showing them."""
        if not self.token and not self.password:
            raise UsageError("No token and no password is given.", fix="Give an API token or a personal access token.")
        if not self.token and not self.username:
            raise UsageError("A password needs a user name.", fix="Give the user name, or use a token instead.")
        if not self.token.strip().isascii() or any(letter.isspace() for letter in self.token.strip()):
            raise UsageError("The token holds characters that no token has.", fix="Copy the token again.")


@dataclass(frozen=True, slots=True)
class Door:
    """Where a site's API is called and what identifies the caller there. Paths below `api_root` begin without a slash."""

    api_root: str
    authorization: str = field(default="", repr=False)


def site_door(base_url: str) -> Door:
    """The site's own address, as nobody: for what it tells everybody."""
    return Door(base_url)


def door_for(
    credentials: Credentials, flavor: Flavor, base_url: str, *, cloud_id: str, gateway_url: str, scoped_token: bool
) -> Door:
    """The door that these credentials open.

    Cloud: e-mail and token go to the site as Basic (a scoped token through the gateway), a token alone is an OAuth access
    token and goes through the gateway. Data Center: a token is a personal access token whatever stands beside it, else
    user name and password. Raises InsufficientPermissionsError for a kind that the flavor never accepts.
    """
    if flavor == "dc":
        return Door(f"{base_url}/rest/api/2", _data_center_authorization(credentials))
    gateway = f"{gateway_url}/ex/jira/{quote(cloud_id, safe='')}/rest/api/3"
    user = credentials.email or credentials.username
    if not credentials.token:
        raise InsufficientPermissionsError(
            f"{base_url} is Jira Cloud, which accepts no passwords.",
            fix="Create an API token and give it with the account's e-mail address.",
            url=base_url,
        )
    if not user:
        return Door(gateway, _bearer(credentials.token))
    return Door(gateway if scoped_token else f"{base_url}/rest/api/3", _basic(user, credentials.token.strip()))


def _data_center_authorization(credentials: Credentials) -> str:
    if credentials.token:
        return _bearer(credentials.token)
    return _basic(credentials.username, credentials.password)


def _basic(user: str, secret: str) -> str:
    return "Basic " + b64encode(f"{user.strip()}:{secret}".encode()).decode()


def _bearer(token: str) -> str:
    return "Bearer " + token.strip()

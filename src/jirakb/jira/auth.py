"""Through which door and with which Authorization is a site read? Pure: sends nothing, shows no secret in messages or reprs."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlsplit

from jirakb.errors import InsufficientPermissionsError, UsageError
from jirakb.jira.site import Flavor

CredentialKind = Literal["api_token", "scoped_token", "access_token", "pat", "password"]
"""An API token of the whole account, one with scopes, an OAuth access token, a personal access token, a password."""


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
                raise UsageError(f"jira_{name} must be a text.", fix="Give it in quotes.")
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
    kind: CredentialKind | None = field(default=None, compare=False)

    @property
    def host(self) -> str:
        """Scheme, host and port of the address."""
        return urlsplit(self.api_root)._replace(path="", query="", fragment="").geturl()


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
        return _data_center_door(credentials, base_url)
    gateway = _gateway(gateway_url, cloud_id)
    user = credentials.email or credentials.username
    if not credentials.token:
        raise InsufficientPermissionsError(
            f"{base_url} is Jira Cloud, which accepts no passwords.",
            fix="Create an API token and give it with the account's e-mail address.",
            url=base_url,
            code="password_on_cloud",
        )
    if not user:
        return Door(gateway, _bearer(credentials.token), "access_token")
    authorization = _basic(user, credentials.token.strip())
    if scoped_token:
        return Door(gateway, authorization, "scoped_token")
    return Door(f"{base_url}/rest/api/3", authorization, "api_token")


def other_door(door: Door, base_url: str, *, cloud_id: str, gateway_url: str) -> Door | None:
    """The other place where Cloud may know an API token: nothing in a token tells whether it has scopes."""
    if door.kind == "api_token":
        return Door(_gateway(gateway_url, cloud_id), door.authorization, "scoped_token")
    if door.kind == "scoped_token":
        return Door(f"{base_url}/rest/api/3", door.authorization, "api_token")
    return None


def explain_refusal(
    refused: InsufficientPermissionsError, door: Door, credentials: Credentials, *, site_version: str, now: datetime
) -> InsufficientPermissionsError:
    """The same refusal with what is probably wrong with credentials of this kind, and what to do."""
    if door.kind == "password":
        return _password_refused(refused, site_version)
    if refused.code != "credentials_refused":
        return refused
    if door.kind == "access_token":
        return _access_token_refused(refused, credentials, now)
    if door.kind == "pat":
        fix = "Create a personal access token in your Jira profile; an API token of a Cloud account is none."
        return _with(refused, "the personal access token: it is mistyped, expired or revoked", fix)
    what = f"the API token of {credentials.email or credentials.username}, neither at the site nor at the gateway"
    fix = (
        "It is mistyped, expired, revoked, or of another account. Create a new one; "
        "a service account's token needs about a minute until it works."
    )
    return _with(refused, what, fix)


def expiry_of(token: str) -> datetime | None:
    """When an OAuth access token ends, where the token says so itself (a JWT does)."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    try:
        said = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(said["exp"]), UTC)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def _password_refused(refused: InsufficientPermissionsError, site_version: str) -> InsufficientPermissionsError:
    if refused.code == "captcha":
        return refused
    advice = "Create a personal access token in your Jira profile and give it with --token."
    if "basic auth" in refused.message.lower():
        return _with(refused, "passwords: they are switched off there", advice, "basic_auth_off")
    if refused.code != "credentials_refused":
        return refused
    major = site_version.partition(".")[0]
    if major.isdecimal() and int(major) >= 11:
        return _with(refused, f"the password; Jira {major} takes passwords only where they are switched on", advice)
    return _with(refused, "the user name or the password", f"Check both; a few wrong tries lock the account. {advice}")


def _access_token_refused(
    refused: InsufficientPermissionsError, credentials: Credentials, now: datetime
) -> InsufficientPermissionsError:
    expiry = expiry_of(credentials.token)
    if expiry and expiry <= now:
        what = f"the access token: it expired at {expiry:%Y-%m-%d %H:%M} UTC"
        return _with(refused, what, "Get a new access token; they live an hour.", "token_expired")
    fix = "A token alone is taken for an OAuth access token. An API token needs its account, too: give --email."
    return _with(refused, "the access token", fix)


def _with(
    refused: InsufficientPermissionsError, what: str, fix: str, code: str = "credentials_refused"
) -> InsufficientPermissionsError:
    return InsufficientPermissionsError(
        f"{refused.url} refuses the credentials: it does not accept {what}.",
        fix=fix,
        url=refused.url,
        status=refused.status,
        code=code,
    )


def _gateway(gateway_url: str, cloud_id: str) -> str:
    return f"{gateway_url}/ex/jira/{quote(cloud_id, safe='')}/rest/api/3"


def _data_center_door(credentials: Credentials, base_url: str) -> Door:
    root = f"{base_url}/rest/api/2"
    if credentials.token:
        return Door(root, _bearer(credentials.token), "pat")
    return Door(root, _basic(credentials.username, credentials.password), "password")


def _basic(user: str, secret: str) -> str:
    return "Basic " + b64encode(f"{user.strip()}:{secret}".encode()).decode()


def _bearer(token: str) -> str:
    return "Bearer " + token.strip()

"""What keys and sessions look like from outside. A key's text is answered once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from jirakb.control.keys import Scope
from jirakb.service.web.models.paging import Line, Page, Strict

_KEY: dict[str, Any] = {
    "id": "01JDC2M9S0Q4V6T8X1Z3B5D7F9", "name": "dashboard", "scope": "search", "principals": [],
    "created": "2026-11-23T10:00:00Z", "expires": "2027-11-23T10:00:00Z", "revoked": False, "used": None,
}  # fmt: skip
Principal = Annotated[str, Field(min_length=1, max_length=1000)]


class Key(BaseModel):
    """An API key without its text. `principals` is what its searches may read beyond unrestricted text; ["*"] is all."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    id: str
    name: str
    scope: Scope
    principals: list[str]
    created: datetime
    expires: datetime | None
    revoked: bool
    used: Annotated[datetime | None, Field(description="When it was last used, to the minute.")]


class KeyPage(Page[Key]):
    """Keys, oldest first."""


class KeyNew(Strict):
    """A key to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "dashboard", "scope": "search"}]})

    scope: Scope
    name: Line | None = None
    principals: Annotated[tuple[Principal, ...], Field(max_length=1000)] = ()
    expires: AwareDatetime | None = None


class KeyMade(Key):
    """A new key with its text, which is not kept and not answered again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_KEY, "key": "jkb_01jdc2m9s0_EXAMPLE"}]})

    key: str


class SignIn(Strict):
    """An API key, or the code of a sign-in link."""

    model_config = ConfigDict(
        hide_input_in_errors=True, json_schema_extra={"examples": [{"key": "jkb_01jdc2m9s0_EXAMPLE"}]}
    )

    key: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    code: Annotated[str | None, Field(min_length=1, max_length=500)] = None

    @model_validator(mode="after")
    def _is_one(self) -> SignIn:
        if (self.key is None) == (self.code is None):
            raise ValueError("give a key or a code")
        return self


class Session(BaseModel):
    """Who is signed in. `expires` is null where a key was sent with the request itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"tenant": "local", "key_id": _KEY["id"], "name": "first key", "scope": "admin", "principals": ["*"],
                 "expires": "2026-11-24T10:00:00Z"}
            ]
        }
    )  # fmt: skip

    tenant: str
    key_id: str
    name: str
    scope: Scope
    principals: list[str]
    expires: datetime | None

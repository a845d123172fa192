"""`jirakb keys`: who may use the HTTP interface, and which key are credentials sealed with? Works beside a running service or without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jirakb.control.catalog import OWN_TENANT
from jirakb.errors import UsageError
from jirakb.service import console, options
from jirakb.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from jirakb.control.keys import ApiKey

Scope = Literal["admin", "sync", "search"]
Tenant = Annotated[
    str,
    typer.Option("--tenant", metavar="NAME", help="Whose key: what others have is not found with it. Default: yours."),
]

keys = typer.Typer(help="API keys of the HTTP interface, and the master key of the credentials.", no_args_is_help=True)


@keys.command()
def create(
    scope: Annotated[
        Scope,
        typer.Option("--scope", metavar="admin|sync|search", help="What it may do: each includes the ones behind it."),
    ],
    name: Annotated[str, typer.Option("--name", metavar="N", help="What it is for.")] = "",
    principal: Annotated[
        list[str] | None,
        typer.Option(
            "--principal", metavar="P", help="Restricted text that its searches may read; '*' is all. May be repeated."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=3660, help="Days until it expires; default: never.")
    ] = None,
    tenant: Tenant = OWN_TENANT,
    home: options.Home = None,
    as_json: options.Json = False,
) -> None:
    """Make a key and show it, once. A tenant that is named for the first time is made too."""
    from jirakb.control.keys import Keys
    from jirakb.control.tenants import Tenants

    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with _database(Settings.for_home(home)) as engine:
        key, text = Keys(engine).create(
            Tenants(engine).find_or_create(tenant), scope, name=name, principals=tuple(principal or ()), expires=expires
        )  # fmt: skip
    if as_json:
        console.write_json({"id": key.id, "key": text, "scope": key.scope})
    else:
        console.say("This is the only time that the key is shown.")
        console.write(text)


@keys.command("list")
def list_keys(tenant: Tenant = OWN_TENANT, home: options.Home = None, as_json: options.Json = False) -> None:
    """List the keys, without their texts."""
    from jirakb.control.tenants import Tenants

    with _database(Settings.for_home(home)) as engine:
        found = list(_all(engine, Tenants(engine).find(tenant)))
    if as_json:
        console.write_json({"keys": [_shown(key) for key in found]})
        return
    for key in found:
        told = _shown(key)
        state = "revoked" if key.revoked else f"until {told['expires']}" if key.expires else "valid"
        console.write(f"{key.id}  {key.scope:6}  {state}  {key.name}")


@keys.command()
def revoke(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")],
    tenant: Tenant = OWN_TENANT,
    home: options.Home = None,
) -> None:
    """Refuse a key from now on."""
    from jirakb.control.keys import Keys
    from jirakb.control.tenants import Tenants

    with _database(Settings.for_home(home)) as engine:
        Keys(engine).revoke(Tenants(engine).find(tenant), identity)
    console.say(f"Key {identity} is refused from now on.")


@keys.command()
def tenants(home: options.Home = None, as_json: options.Json = False) -> None:
    """List the tenants with their ids, which logs and figures name. `local` is the owner of the home."""
    from jirakb.control.tenants import Tenants

    with _database(Settings.for_home(home)) as engine:
        found = Tenants(engine).all()
    if as_json:
        console.write_json({"tenants": [{"id": identity, "name": name} for name, identity in found.items()]})
        return
    for name, identity in found.items():
        console.write(f"{identity:26}  {name}")


@keys.command()
def rotate(home: options.Home = None) -> None:
    """Seal all credentials with a new master key. The service must not run: it keeps the old one in memory."""
    from jirakb.control.connectors import Connectors
    from jirakb.control.presence import alone
    from jirakb.control.vault import key_file, open_vault, retire_old_keys, rotate_key_file

    settings = Settings.for_home(home)
    if settings.master_key:
        raise UsageError(
            "The master key comes from JIRAKB_MASTER_KEY, which this command cannot change.",
            fix="Put the new key before the old one there, separated by a comma, and run jirakb keys reseal.",
        )
    with _database(settings) as engine, alone(settings.home):
        rotate_key_file(key_file(settings))
        count = Connectors(engine, open_vault(settings)).reseal_all()
        retire_old_keys(key_file(settings))
    console.say(f"There is a new master key. {_sealed(count)}")


@keys.command()
def reseal(home: options.Home = None) -> None:
    """Seal with the first master key what an older one sealed; the older one is not needed any more afterwards."""
    from jirakb.control.connectors import Connectors
    from jirakb.control.presence import alone
    from jirakb.control.vault import open_vault

    settings = Settings.for_home(home)
    with _database(settings) as engine, alone(settings.home):
        count = Connectors(engine, open_vault(settings)).reseal_all()
    console.say(_sealed(count))


@contextmanager
def _database(settings: Settings) -> Iterator[Engine]:
    from jirakb.control.database import open_database

    engine = open_database(settings.home, settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _all(engine: Engine, tenant: str) -> Iterator[ApiKey]:
    from jirakb.control.keys import Keys

    after = ""
    while page := Keys(engine).page(tenant, after=after):
        yield from page
        after = page[-1].id


def _shown(key: ApiKey) -> dict[str, Any]:
    from jirakb.report import utc_text

    return {
        "id": key.id, "name": key.name, "scope": key.scope, "principals": list(key.principals),
        "created": utc_text(key.created), "expires": utc_text(key.expires), "used": utc_text(key.used),
        "revoked": key.revoked,
    }  # fmt: skip


def _sealed(count: int) -> str:
    return f"Credentials of {count} connector(s) were sealed anew."

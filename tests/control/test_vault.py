"""Sealed credentials: they open for their owner alone, survive a rotation, and give nothing away."""

from __future__ import annotations

import stat
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from jirakb.control.vault import Vault, key_file, open_vault, retire_old_keys, rotate_key_file
from jirakb.errors import SecretsError
from jirakb.settings import Settings

SECRET = b'{"jira_api_token": "ATATT-plum"}'


def test_what_was_sealed_opens_for_its_owner_alone(tmp_path: Path) -> None:
    vault = open_vault(Settings(tmp_path))
    sealed = vault.seal(SECRET, "local/A")
    assert vault.open(sealed, "local/A") == SECRET
    assert "plum" not in sealed
    for other in ("local/B", "other/A", ""):
        with pytest.raises(SecretsError):
            vault.open(sealed, other)


def test_the_same_secret_is_sealed_differently_each_time(tmp_path: Path) -> None:
    vault = open_vault(Settings(tmp_path))
    assert vault.seal(SECRET, "a") != vault.seal(SECRET, "a")


def test_a_changed_row_does_not_open(tmp_path: Path) -> None:
    vault = open_vault(Settings(tmp_path))
    sealed = vault.seal(SECRET, "a")
    at = sealed.index('"box":"') + 20
    changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
    with pytest.raises(SecretsError):
        vault.open(changed, "a")


def test_the_key_file_is_its_owners_alone_and_made_once(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "new" / "home")
    sealed = open_vault(settings).seal(SECRET, "a")
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600
    assert open_vault(settings).open(sealed, "a") == SECRET


def test_after_a_rotation_old_secrets_open_and_are_sealed_anew(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    sealed = open_vault(settings).seal(SECRET, "a")
    rotate_key_file(key_file(settings))
    rotated = open_vault(settings)
    assert rotated.open(sealed, "a") == SECRET
    assert not rotated.is_current(sealed)
    anew = rotated.reseal(sealed, "a")
    retire_old_keys(key_file(settings))
    retired = open_vault(settings)
    assert retired.open(anew, "a") == SECRET
    with pytest.raises(SecretsError, match="another master key"):
        retired.open(sealed, "a")


def test_the_environment_may_give_the_key_instead(tmp_path: Path) -> None:
    key = b64encode(b"k" * 32).decode()
    settings = replace(Settings(tmp_path), master_key=key)
    assert Vault([b"k" * 32]).open(open_vault(settings).seal(SECRET, "a"), "a") == SECRET
    assert not key_file(settings).exists()


@pytest.mark.parametrize("bad", ["short", "!!!", b64encode(b"x" * 31).decode()])
def test_a_bad_key_is_refused_without_being_shown(tmp_path: Path, bad: str) -> None:
    with pytest.raises(SecretsError) as refused:
        open_vault(replace(Settings(tmp_path), master_key=bad))
    assert bad not in refused.value.message

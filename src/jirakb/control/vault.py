"""How are credentials kept so that neither a copy of the database nor a swapped row gives them away?

Each is sealed with a key of its own (AES-256-GCM), which is sealed with the master key; both seals are bound to whose and
what it is. Never logs, prints or shows what it holds.
"""

from __future__ import annotations

import binascii
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jirakb.errors import SecretsError
from jirakb.settings import Settings

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE = "master.key"


class Vault:
    """Seals and opens secrets. The first master key seals; the others only open what was sealed before a rotation."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise SecretsError("A master key has 32 bytes.", fix=_KEY_FIX)
        self._keys = {_name(key): key for key in keys}
        self._current = _name(keys[0])

    def seal(self, secret: bytes, owner: str) -> str:
        """The secret, sealed for `owner` (such as TENANT/CONNECTOR): only with the same owner it opens again."""
        key = secrets.token_bytes(_KEY_BYTES)
        return _text({"v": 1, "box": _encrypt(key, secret, owner), **self._wrap(key, owner)})

    def open(self, sealed: str, owner: str) -> bytes:
        """What was sealed; raises SecretsError for another owner, a lost master key or a changed row."""
        parts = _parts(sealed)
        return _decrypt(self._unwrap(parts, owner), parts["box"], owner)

    def reseal(self, sealed: str, owner: str) -> str:
        """The same secret under the current master key: what a rotation does to each row."""
        parts = _parts(sealed)
        return _text({**parts, **self._wrap(self._unwrap(parts, owner), owner)})

    def is_current(self, sealed: str) -> bool:
        """Whether the current master key sealed it."""
        return _parts(sealed)["by"] == self._current

    def _wrap(self, key: bytes, owner: str) -> dict[str, str]:
        return {"by": self._current, "key": _encrypt(self._keys[self._current], key, owner)}

    def _unwrap(self, parts: dict[str, str], owner: str) -> bytes:
        master = self._keys.get(parts["by"])
        if master is None:
            raise SecretsError("The credentials were sealed with another master key.", fix=_KEY_FIX)
        return _decrypt(master, parts["key"], owner)


def open_vault(settings: Settings) -> Vault:
    """The vault of this home: its key from JIRAKB_MASTER_KEY, else from the key file, which is made when it is missing.

    Both may hold several keys, the current one first. Raises SecretsError.
    """
    if settings.master_key:
        return Vault([_decode(word) for word in settings.master_key.replace(",", " ").split()])
    return Vault([_decode(line) for line in _read_or_make(key_file(settings)).split()])


def key_file(settings: Settings) -> Path:
    """Where the master key stands unless the environment gives it."""
    return Path(settings.master_key_file) if settings.master_key_file else settings.home / _FILE


def rotate_key_file(path: Path) -> None:
    """Put a new master key before those in the file; what they sealed still opens."""
    _write_whole(path, f"{_new_key()}\n{_read_or_make(path)}")


def retire_old_keys(path: Path) -> None:
    """Keep the current master key alone: to be called when everything was sealed anew."""
    _write_whole(path, _read_or_make(path).split()[0] + "\n")


def _read_or_make(path: Path) -> str:
    """Two processes that make it at once end with the same key: the file appears whole, for the first of them."""
    if path.exists():
        return _read(path)
    mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(mine, _new_key() + "\n")
        with suppress(FileExistsError):
            path.hardlink_to(mine)
        mine.unlink()
    except OSError as exc:
        raise SecretsError(f"The key file {path} cannot be made: {exc.strerror}.", fix=_KEY_FIX) from exc
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError) as exc:
        raise SecretsError(f"The key file {path} cannot be read.", fix=_KEY_FIX) from exc


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    _write_new(beside, text)
    beside.replace(path)


def _write_new(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _new_key() -> str:
    return b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _decode(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise SecretsError("The master key is not base64.", fix=_KEY_FIX) from exc


def _name(key: bytes) -> str:
    return sha256(b"jirakb master key" + key).hexdigest()[:12]


def _encrypt(key: bytes, plain: bytes, owner: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, plain, owner.encode())).decode()


def _decrypt(key: bytes, box: str, owner: str) -> bytes:
    packed = b64decode(box)
    try:
        return AESGCM(key).decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], owner.encode())
    except InvalidTag as exc:
        raise SecretsError("Sealed credentials were changed, or belong to another row.", fix=_SEAL_FIX) from exc


def _text(parts: dict[str, object]) -> str:
    return orjson.dumps(parts).decode()


def _parts(sealed: str) -> dict[str, str]:
    try:
        parts: dict[str, str] = orjson.loads(sealed)
    except orjson.JSONDecodeError as exc:
        raise SecretsError("Sealed credentials cannot be read.", fix=_SEAL_FIX) from exc
    return parts


_KEY_FIX = "Give the master key that this home was used with (JIRAKB_MASTER_KEY, or the file master.key in the home)."
_SEAL_FIX = "Give the connector its credentials again."

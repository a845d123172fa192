"""An authority of our own, a TLS front for a site of this machine, and a proxy: what companies put between us and a Jira."""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Authority:
    """Signs certificates that no system trusts."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._builder(self._name, self._key, datetime.now(UTC) + _DAY)
        self._certificate = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            self._key, hashes.SHA256()
        )
        self.bundle = self._write(f"{name}.pem", _pem(self._certificate))

    def certificate(
        self, name: str, *, address: str = "127.0.0.1", ends: datetime | None = None, password: bytes | None = None
    ) -> Path:
        """A file with a certificate for an address or a host's name, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, ends or datetime.now(UTC) + _DAY)
        names = x509.SubjectAlternativeName([_name(address)])
        made = builder.add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        return self._write(f"{name}.pem", _pem(made) + _key_pem(key, password))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - 3 * _DAY)
            .not_valid_after(ends)
        )

    def _write(self, name: str, text: bytes) -> Path:
        path = self._folder / name.replace(" ", "-")
        path.write_bytes(text)
        return path


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None) -> bytes:
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        lock = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


@contextmanager
def tls_front(site: str, certificate: Path, *, asks_for: Path | None = None) -> Iterator[str]:
    """An https address of a site that speaks http; `asks_for` is the authority whose client certificates it wants."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if asks_for:
        context.load_verify_locations(asks_for)
        context.verify_mode = ssl.CERT_REQUIRED
    target = urlsplit(site)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as safe:
            _join(safe, socket.create_connection((target.hostname, target.port or 80)))

    with _listening(serve) as port:
        yield f"https://127.0.0.1:{port}"


@dataclass
class Proxy:
    """A proxy that lets calls through to whom it knows, and remembers where to."""

    user: str = ""
    port: int = 0
    targets: list[str] = field(default_factory=list)
    """What was asked for, with the host's name and port."""

    def url(self, user: str = "") -> str:
        """What a setting says, with or without user and password."""
        return f"http://{user + '@' if user else ''}127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """While the block lasts."""
        with _listening(self._serve) as self.port:
            yield self

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        target = head.split()[1].decode()
        self.targets.append(target)
        given = f"Proxy-Authorization: Basic {base64.b64encode(self.user.encode()).decode()}".lower()
        if self.user and given.encode() not in head.lower():
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        host, _, port = target.rpartition(":")
        _join(connection, socket.create_connection((host, int(port))))


@contextmanager
def _listening(serve: object) -> Iterator[int]:
    """A port on which each connection is served in a thread of its own."""
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)  # type: ignore[operator]

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        door = threading.Thread(target=accept, daemon=True)
        door.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            door.join()
            for thread in threads:
                thread.join(timeout=2)


def _join(one: socket.socket, two: socket.socket) -> None:
    """Carries bytes both ways until one side ends."""
    with two:
        back = threading.Thread(target=_carry, args=(two, one), daemon=True)
        back.start()
        _carry(one, two)
        back.join(timeout=2)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

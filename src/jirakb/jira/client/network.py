"""How is a site reached: whom is trusted, which certificate is shown, through which proxy? Opens nothing itself.

Certificates are always verified. There is no setting that turns this off; a private authority is named instead.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import httpx2

from jirakb.errors import SiteUnreachableError, UsageError
from jirakb.jira.client.guarded import GuardedTransport
from jirakb.jira.guard import Guard
from jirakb.settings import Settings


@dataclass(frozen=True, slots=True)
class Network:
    """What the settings say about the way to a site; the defaults are the system's certificates and its proxy."""

    ca_bundle: str = ""
    client_cert: str = ""
    proxy: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Network:
        """The way that these settings describe."""
        return cls(settings.ca_bundle, settings.client_cert, settings.proxy)

    def trust(self) -> ssl.SSLContext:
        """The system's authorities and those of the bundle; raises UsageError when its file holds none."""
        context = httpx2.create_ssl_context()
        if self.ca_bundle:
            try:
                context.load_verify_locations(self.ca_bundle)
            except (OSError, ssl.SSLError) as exc:
                raise UsageError(
                    f"JIRAKB_CA_BUNDLE names {self.ca_bundle}, which cannot be read as certificates: {_why(exc)}.",
                    fix="Name a file of certificates in PEM form (it begins with -----BEGIN CERTIFICATE-----).",
                ) from exc
        return context

    def trust_and_identity(self) -> ssl.SSLContext:
        """The same with the client certificate; raises UsageError when its file holds none, or an encrypted key."""
        context = self.trust()
        try:
            context.load_cert_chain(self.client_cert, password=_no_password)
        except (OSError, ssl.SSLError) as exc:
            raise UsageError(
                f"JIRAKB_CLIENT_CERT names {self.client_cert}, which cannot be used: {_why(exc)}.",
                fix="Name a PEM file that holds the certificate and its key; the key may not be encrypted.",
            ) from exc
        return context

    def via(self) -> httpx2.Proxy | None:
        """The proxy, if one is set; raises UsageError for what is none, without showing what may be its password."""
        if not self.proxy:
            return None
        try:
            proxy = httpx2.Proxy(self.proxy)
        except (ValueError, httpx2.InvalidURL):
            proxy = None
        if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
            raise UsageError("JIRAKB_PROXY is no proxy.", fix="Give it like http://proxy.example.com:3128.")
        return proxy

    def mounts(self, site: str, limits: httpx2.Limits, guard: Guard | None = None) -> dict[str, httpx2.BaseTransport]:
        """The transport of the site's own address where a client certificate is shown: no other host gets to see it."""
        if not self.client_cert:
            return {}
        trust = self.trust_and_identity()
        if guard is not None:
            return {origin(site): GuardedTransport(guard, trust, limits, self.via(), trust_env=False)}
        transport = httpx2.HTTPTransport(verify=trust, limits=limits, proxy=self.via(), trust_env=False)
        return {origin(site): transport}


def origin(address: str) -> str:
    """Scheme, host and port of an address."""
    url = httpx2.URL(address)
    return f"{url.scheme}://{url.netloc.decode()}"


def cause_of(exc: httpx2.TransportError) -> str:
    """One word for why no answer came; "" where the error says all that is known."""
    said = str(exc)
    if isinstance(exc, httpx2.ProxyError):
        return "proxy"
    return next((cause for mark, cause in _MARKS if mark in said), "")


def unreachable(site: str, exc: httpx2.TransportError) -> SiteUnreachableError | None:
    """The error when no further try can help until somebody changes something here; None when one may."""
    cause = cause_of(exc)
    if cause == "certificate":
        return _untrusted(site, str(exc))
    if cause == "proxy" and str(exc)[:3] not in ("403", "407"):
        return None
    if cause not in _FIXES:
        return None
    what, fix = _FIXES[cause]
    return SiteUnreachableError(f"{site} {what} ({exc}).", fix=fix, url=site, code=cause)


def _untrusted(site: str, said: str) -> SiteUnreachableError:
    why, fix = next(((why, fix) for mark, why, fix in _DISTRUST if mark in said), (said, _NAME_THE_AUTHORITY))
    return SiteUnreachableError(
        f"The certificate of {site} is not trusted: {why}.", fix=fix, url=site, code="certificate"
    )


_NAME_THE_AUTHORITY = (
    "Name the file of the issuing authority's certificates (of the site, or of a proxy that looks into the calls) "
    "in JIRAKB_CA_BUNDLE."
)
_DISTRUST = (
    ("certificate has expired", "it has expired", "Renew the site's certificate, or correct this machine's clock."),
    ("not yet valid", "it is not valid yet", "Correct this machine's clock."),
    ("Hostname mismatch", "it was made for another host", "Use the host name that the certificate was made for."),
    ("IP address mismatch", "it was made for another address", "Use the host name that the certificate was made for."),
    ("unable to get local issuer", "its issuing authority is unknown here", _NAME_THE_AUTHORITY),
    ("self-signed certificate in certificate chain", "its issuing authority is unknown here", _NAME_THE_AUTHORITY),
    ("self-signed certificate", "it is signed by itself", _NAME_THE_AUTHORITY),
)
_MARKS = (
    ("CERTIFICATE_VERIFY_FAILED", "certificate"),
    ("CERTIFICATE_REQUIRED", "client_certificate"),
    ("ALERT_BAD_CERTIFICATE", "client_certificate"),
    ("ALERT_UNKNOWN_CA", "client_certificate"),
    ("HANDSHAKE_FAILURE", "client_certificate"),
    ("WRONG_VERSION_NUMBER", "no_tls"),
    ("RECORD_LAYER_FAILURE", "no_tls"),
    ("Name or service not known", "unknown_host"),
    ("nodename nor servname", "unknown_host"),
    ("getaddrinfo failed", "unknown_host"),
    ("No address associated", "unknown_host"),
)
"""What OpenSSL and the system's resolvers say."""
_FIXES = {
    "client_certificate": (
        "asks for a client certificate and takes none that was shown",
        "Name a PEM file with the certificate and its key in JIRAKB_CLIENT_CERT.",
    ),
    "no_tls": ("does not speak TLS at this port", "Check scheme and port of the base URL."),
    "proxy": (
        "is not reached: the proxy refuses to let calls through",
        "Check JIRAKB_PROXY (with its user and password), or HTTPS_PROXY and NO_PROXY.",
    ),
}


def _no_password() -> str:
    """An encrypted key is refused rather than asked for at a terminal that nobody watches."""
    return ""


def _why(exc: Exception) -> str:
    return getattr(exc, "strerror", None) or getattr(exc, "reason", None) or type(exc).__name__

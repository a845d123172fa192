"""Every setting of the program with its unit, default and reason, read once from the environment by `Settings.read`."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from jirakb.errors import UsageError

T = TypeVar("T", bound=str)
MAX_SECTION_BYTES = 100 * 1024
"""A section is at most this long in UTF-8 bytes, overlap included (the specification's MAX_CHUNK_SIZE)."""
MIN_SECTION_BYTES = 10 * 1024
"""A section is at least this long where the document has that much text of one reader set (MIN_CHUNK_SIZE)."""
OVERLAP_BYTES = 2 * 1024
"""A section split from the one before repeats up to this much of its end (OVERLAP_SIZE)."""
PASSAGE_CHARS = 800
"""A passage is at most this many characters: about 200 tokens, below the embedder's 256 with the issue's heading."""

MOST_TIME = 100_000
"""Minutes, hours or days before now: more would end before the calendar begins."""


@dataclass(frozen=True)
class Settings:
    """What the environment says. The command line's options override it."""

    home: Path
    """Folder of all knowledge bases (JIRAKB_HOME; default ~/.jirakb)."""
    gateway_url: str = "https://api.atlassian.com"
    """Atlassian's API gateway (JIRAKB_GATEWAY_URL); a setting so that a simulated site can stand for it."""
    auth_url: str = "https://auth.atlassian.com"
    """Atlassian's authorization host (JIRAKB_AUTH_URL)."""
    allowed_sites: tuple[str, ...] = ()
    """Hosts or networks that a service may call though they are private, and that plain http may go to (JIRAKB_ALLOWED_SITES, comma-separated)."""
    token: str = field(default="", repr=False)
    """API token or PAT when none is given as an option (JIRAKB_TOKEN)."""
    password: str = field(default="", repr=False)
    """Password when none is given as an option (JIRAKB_PASSWORD)."""
    connections: int = 8
    """Requests to one site side by side (JIRAKB_CONNECTIONS); the site's answers slow it down further."""
    overlap_minutes: int = 10
    """How far before the watermark an incremental sync reads again: longer than a site's index usually lags (JIRAKB_OVERLAP_MINUTES)."""
    census_hours: int = 24
    """With --prune auto, a census is taken when the last is older than this (JIRAKB_CENSUS_HOURS)."""
    brake_share: float = 0.2
    """A census that would delete more than this share of the connector's issues ... (JIRAKB_BRAKE_SHARE)"""
    brake_count: int = 50
    """... and more than this many issues stops and asks (JIRAKB_BRAKE_COUNT)."""

    attachment_text: int = 256 * 1024
    """Characters of text that are kept of one attachment: a megabyte of a log is 1,500 passages (JIRAKB_ATTACHMENT_TEXT)."""
    ocr: str = "auto"
    """Whether images are read by tesseract: auto (in English, where it is installed), off, or languages such as deu+eng (JIRAKB_OCR)."""
    disk_reserve: int = 256 * 1024 * 1024
    """A sync stops before fewer bytes of the home's disk than this are free (JIRAKB_DISK_RESERVE)."""
    index_backlog: int = 50_000
    """Fetching waits while more changed documents than this wait for the text index, so that search never lags by more (JIRAKB_INDEX_BACKLOG)."""
    embed_backlog: int = 200_000
    """Fetching waits while more passages than this wait for a vector, so that search by meaning never lags by more (JIRAKB_EMBED_BACKLOG)."""
    embeddings_url: str = ""
    """Server with an interface like OpenAI's that makes vectors, up to before /embeddings (JIRAKB_EMBEDDINGS_URL)."""
    embeddings_model: str = ""
    """Name of the model it is asked for (JIRAKB_EMBEDDINGS_MODEL)."""
    embeddings_key: str = field(default="", repr=False)
    """Key that it wants (JIRAKB_EMBEDDINGS_KEY)."""
    embeddings_dimensions: int = 0
    """Dimensions that it is told to answer with; 0 leaves it to the model (JIRAKB_EMBEDDINGS_DIMENSIONS)."""
    embeddings_seconds: float = 5.0
    """A search waits this long for its query's vector, then goes by words alone (JIRAKB_EMBEDDINGS_SECONDS)."""
    rerank_url: str = ""
    """Server that reranks the first hits, up to before /rerank (JIRAKB_RERANK_URL)."""
    rerank_model: str = ""
    """Name of the model it is asked for; without one it is asked as text-embeddings-inference wants it (JIRAKB_RERANK_MODEL)."""
    rerank_key: str = field(default="", repr=False)
    """Key that it wants (JIRAKB_RERANK_KEY)."""
    rerank_seconds: float = 2.0
    """A search waits this long for the reranker, then keeps its own order (JIRAKB_RERANK_SECONDS)."""
    rerank_top: int = 25
    """So many of the first hits are reranked (JIRAKB_RERANK_TOP)."""
    site_runs: int = 2
    """Runs of one site side by side, over all workers; its calls are paced together in any case (JIRAKB_SITE_RUNS)."""
    fields_minutes: float = 15.0
    """Minutes for which the workers of a service remember a site's list of fields; 0 has each run ask (JIRAKB_FIELDS_MINUTES)."""
    worker_runs: int = 32
    """Runs of one worker side by side: most of them wait for their sites (JIRAKB_WORKER_RUNS)."""
    keep_runs_days: int = 30
    """Days for which ended runs are kept, beside each connector's last five (JIRAKB_KEEP_RUNS_DAYS)."""
    database_url: str = field(default="", repr=False)
    """PostgreSQL for the control tables and the durable work (JIRAKB_DATABASE_URL); default: SQLite in the home."""
    redis_url: str = field(default="", repr=False)
    """Redis or Valkey that several workers pace themselves and remember sites' fields by (JIRAKB_REDIS_URL); default: the database."""
    ca_bundle: str = ""
    """File of certificates (PEM) trusted besides the system's, for a site or proxy with a private authority (JIRAKB_CA_BUNDLE)."""
    client_cert: str = ""
    """File with the certificate and the unencrypted key (PEM) that the site's front door asks for (JIRAKB_CLIENT_CERT)."""
    proxy: str = field(default="", repr=False)
    """Proxy that all calls to a site go through (JIRAKB_PROXY); default: what HTTPS_PROXY and NO_PROXY say."""
    master_key: str = field(default="", repr=False)
    """Key that credentials are sealed with, 32 bytes as base64 (JIRAKB_MASTER_KEY); default: a file."""
    master_key_file: str = ""
    """File of that key (JIRAKB_MASTER_KEY_FILE); default: master.key in the home, made when it is first needed."""

    log: Literal["text", "json"] = "text"
    """How a service writes its log: lines for people, or JSON objects for a collector (JIRAKB_LOG)."""
    log_level: str = "info"
    """The least that is worth a line: debug, info, warning or error (JIRAKB_LOG_LEVEL)."""

    cors_origins: tuple[str, ...] = ()
    """Origins of other web pages that may call the HTTP interface (JIRAKB_CORS_ORIGINS, comma-separated); default: none."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks of web servers whose word (X-Forwarded-For, -Proto) is taken for who asks, and how (JIRAKB_TRUSTED_PROXIES)."""

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process; raises UsageError on a value that cannot be meant."""
        env = os.environ if environ is None else environ
        return cls(
            home=Path(env.get("JIRAKB_HOME") or Path.home() / ".jirakb"),
            gateway_url=env.get("JIRAKB_GATEWAY_URL") or cls.gateway_url,
            auth_url=env.get("JIRAKB_AUTH_URL") or cls.auth_url,
            allowed_sites=_list(env, "JIRAKB_ALLOWED_SITES"),
            token=env.get("JIRAKB_TOKEN", ""),
            password=env.get("JIRAKB_PASSWORD", ""),
            connections=int(_number(env, "JIRAKB_CONNECTIONS", cls.connections, least=1)),
            overlap_minutes=int(_number(env, "JIRAKB_OVERLAP_MINUTES", cls.overlap_minutes, most=MOST_TIME)),
            census_hours=int(_number(env, "JIRAKB_CENSUS_HOURS", cls.census_hours, most=MOST_TIME)),
            brake_share=_number(env, "JIRAKB_BRAKE_SHARE", cls.brake_share, most=1),
            brake_count=int(_number(env, "JIRAKB_BRAKE_COUNT", cls.brake_count)),
            attachment_text=int(_number(env, "JIRAKB_ATTACHMENT_TEXT", cls.attachment_text)),
            ocr=_ocr(env.get("JIRAKB_OCR", "")) or cls.ocr,
            disk_reserve=int(_number(env, "JIRAKB_DISK_RESERVE", cls.disk_reserve)),
            index_backlog=int(_number(env, "JIRAKB_INDEX_BACKLOG", cls.index_backlog)),
            embed_backlog=int(_number(env, "JIRAKB_EMBED_BACKLOG", cls.embed_backlog)),
            embeddings_url=env.get("JIRAKB_EMBEDDINGS_URL", ""),
            embeddings_model=env.get("JIRAKB_EMBEDDINGS_MODEL", ""),
            embeddings_key=env.get("JIRAKB_EMBEDDINGS_KEY", ""),
            embeddings_dimensions=int(_number(env, "JIRAKB_EMBEDDINGS_DIMENSIONS", cls.embeddings_dimensions)),
            embeddings_seconds=_number(env, "JIRAKB_EMBEDDINGS_SECONDS", cls.embeddings_seconds),
            rerank_url=env.get("JIRAKB_RERANK_URL", ""),
            rerank_model=env.get("JIRAKB_RERANK_MODEL", ""),
            rerank_key=env.get("JIRAKB_RERANK_KEY", ""),
            rerank_seconds=_number(env, "JIRAKB_RERANK_SECONDS", cls.rerank_seconds),
            rerank_top=int(_number(env, "JIRAKB_RERANK_TOP", cls.rerank_top)),
            site_runs=int(_number(env, "JIRAKB_SITE_RUNS", cls.site_runs, least=1)),
            fields_minutes=_number(env, "JIRAKB_FIELDS_MINUTES", cls.fields_minutes),
            worker_runs=int(_number(env, "JIRAKB_WORKER_RUNS", cls.worker_runs, least=1)),
            keep_runs_days=int(_number(env, "JIRAKB_KEEP_RUNS_DAYS", cls.keep_runs_days, most=MOST_TIME)),
            database_url=env.get("JIRAKB_DATABASE_URL", ""),
            redis_url=env.get("JIRAKB_REDIS_URL", ""),
            ca_bundle=env.get("JIRAKB_CA_BUNDLE", ""),
            client_cert=env.get("JIRAKB_CLIENT_CERT", ""),
            proxy=env.get("JIRAKB_PROXY", ""),
            master_key=env.get("JIRAKB_MASTER_KEY", ""),
            master_key_file=env.get("JIRAKB_MASTER_KEY_FILE", ""),
            log=_one_of(env, "JIRAKB_LOG", ("text", "json")),
            log_level=_one_of(env, "JIRAKB_LOG_LEVEL", ("info", "debug", "warning", "error")),
            cors_origins=_list(env, "JIRAKB_CORS_ORIGINS"),
            trusted_proxies=_networks(env, "JIRAKB_TRUSTED_PROXIES") or cls.trusted_proxies,
        )

    @classmethod
    def for_home(cls, home: Path | None) -> Settings:
        """The settings of this process with another home, where one is given."""
        settings = cls.read()
        return replace(settings, home=home) if home else settings


def _list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(text for item in env.get(name, "").split(",") if (text := item.strip()))


def _networks(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    found = _list(env, name)
    for text in found:
        try:
            ipaddress.ip_network(text)
        except ValueError as exc:
            fix = f"Name addresses or networks, separated by commas, in {name}."
            raise UsageError(f"{name} holds {text!r}, which is neither an address nor a network.", fix=fix) from exc
    return found


def _ocr(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_+]*", text):
        raise UsageError(f"JIRAKB_OCR must not be {text!r}.", fix="Set it to auto, off, or languages such as deu+eng.")
    return text


def _one_of(env: Mapping[str, str], name: str, known: tuple[T, ...]) -> T:
    """What is said, which is one of these; the first where nothing is said."""
    text = env.get(name, "").strip().lower()
    if text and text not in known:
        raise UsageError(f"{name} must not be {text!r}.", fix=f"Set it to one of {', '.join(known)}, or unset it.")
    return next((word for word in known if word == text), known[0])


def _number(env: Mapping[str, str], name: str, default: float, least: int = 0, most: int | None = None) -> float:
    text = env.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < least or (most is not None and number > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most:,}"
        raise UsageError(f"{name} must be a number {bounds}, not {text!r}.", fix=f"Set {name} to one or unset it.")
    return number

"""Is what is served built from what stands in web/, and are its types those of the interface? Needs no node."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

from tests.engine.house import house

from jirakb.service.web.app import create_app

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
STATIC = ROOT / "src/jirakb/service/web/static"
FILES = ("index.html", "package.json", "package-lock.json", "sources.ts", "tsconfig.json", "vite.config.ts")
FIRST_VIEW = 200_000


def sources() -> str:
    """As web/sources.ts does it."""
    inside = [path for folder in ("src", "public") for path in (WEB / folder).rglob("*") if path.is_file()]
    paths = sorted([*FILES, *(path.relative_to(WEB).as_posix() for path in inside)])
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.encode() + b"\0" + (WEB / path).read_bytes() + b"\0")
    return whole.hexdigest()


def test_the_page_that_is_served_was_built_from_these_sources() -> None:
    built = (STATIC / "sources.sha256").read_text("utf-8").strip()
    assert built == sources(), "run `npm ci && npm run build` in web/"


def test_the_types_are_those_of_the_interface(tmp_path: Path) -> None:
    with house(tmp_path / "home") as made:
        interface = json.dumps(create_app(made.service).openapi(), sort_keys=True)
    typed = (WEB / "src/api/schema.sha256").read_text("utf-8").strip()
    assert typed == hashlib.sha256(interface.encode()).hexdigest(), "run web/generate.py, then the build"


def test_the_first_view_is_small() -> None:
    index = (STATIC / "index.html").read_text("utf-8")
    first = [STATIC / "index.html", *(STATIC / name for name in re.findall(r'(?:src|href)="/([^"]+)"', index))]
    assert sum(len(gzip.compress(path.read_bytes())) for path in first) < FIRST_VIEW


def test_the_page_holds_no_inline_script_or_style() -> None:
    index = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|style=|<script(?![^>]* src=)| on\w+=", index)


def test_no_file_of_the_page_names_another_host() -> None:
    lock = (WEB / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    hosts = {
        host for path in STATIC.rglob("*.js") for host in re.findall(r"https?://([\w.-]+)", path.read_text("utf-8"))
    }
    assert hosts <= {"www.w3.org", "react.dev", "company.atlassian.net"}

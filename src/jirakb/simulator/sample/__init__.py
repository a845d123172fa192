"""Where is the made-up site that `jirakb demo` runs? Holds the way to its files; the site itself is `site.jsonl` beside it.

Quillmoss Controls, its people and its growers are invented. `jirakb.simulator.load` says what the lines mean; the paths of
attachments in them start in this folder.
"""

from importlib.resources import files
from pathlib import Path

__all__ = ["FILES", "SAMPLE"]

_HERE = Path(str(files(__package__)))

SAMPLE: Path = _HERE / "site.jsonl"
"""The site file: a line for the site, then a line for each issue."""

FILES: Path = _HERE / "attachments"
"""The folder with the bytes of its attachments."""

"""Which shapes do the service's answers have? Writes them as TypeScript types, with the hash of the interface they came from.

Run it after a change of the interface, with node at hand: `.venv/bin/python web/generate.py && npm --prefix web run build`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from jirakb.engine.open import open_service
from jirakb.service.web.app import create_app
from jirakb.settings import Settings

WEB = Path(__file__).parent
TYPES = WEB / "src/api/schema.d.ts"


def main() -> None:
    """Write the types and the hash."""
    with tempfile.TemporaryDirectory() as folder:
        with closing(open_service(Settings.for_home(Path(folder) / "home"))) as service:
            interface = json.dumps(create_app(service).openapi(), sort_keys=True)
        source = Path(folder) / "openapi.json"
        source.write_text(interface, "utf-8")
        command = ["npx", "openapi-typescript", str(source), "-o", str(TYPES)]
        subprocess.run(command, cwd=WEB, check=True)  # noqa: S603 - nothing of it comes from outside
    (TYPES.parent / "schema.sha256").write_text(hashlib.sha256(interface.encode()).hexdigest() + "\n", "utf-8")


if __name__ == "__main__":
    main()

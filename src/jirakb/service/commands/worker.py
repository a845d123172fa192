"""`jirakb worker`: does the work of a home until it is told to stop. Answers no questions; `jirakb serve` does."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

from jirakb.service import console, options
from jirakb.settings import Settings


def worker(
    patience: Annotated[
        float, typer.Option("--patience", metavar="S", min=0, help="Seconds that runs get to stop in, at the end.")
    ] = 10.0,
    home: options.Home = None,
) -> None:
    """Sync, rebuild, embed and delete what is asked of the service, on schedule and on demand, until stopped.

    Several workers share a home and a PostgreSQL database (JIRAKB_DATABASE_URL); with SQLite there is one.
    """
    from jirakb.service import logs
    from jirakb.service.commands.waiting import open_when_there
    from jirakb.service.sampling import Sampler

    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    def pause(seconds: float) -> None:
        if stopped.wait(seconds):
            raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    settings = Settings.for_home(home)
    logs.configure(settings)
    service = open_when_there(settings, pause)
    service.worker.start()
    console.say(f"Worker {service.worker.identity} works for {service.settings.home}. Ctrl-C stops it.")
    with Sampler(service):
        while not stopped.wait(3600.0):
            pass
    console.say("Stopping: what was committed stays, and is gone on with.")
    in_time = service.worker.stop(patience)
    service.let_go()
    if not in_time:  # a run that does not stop must not keep the process: another one takes over from a dead worker
        sys.stderr.flush()
        os._exit(0)

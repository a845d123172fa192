"""Histories by chance: a seed says where and when one takes place, and each of its steps. The same seed tells the same again."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random

from tests.flow.history import Trap
from tests.flow.life import LONG_LAG, PROJECTS, Life, Setting, Tale

from jirakb.simulator.state import Flavor
from jirakb.simulator.switches import Fault, FaultKind

Step = Callable[[Life, Random], object]
KINDS: tuple[FaultKind, ...] = ("status", "html", "reset", "truncate", "empty")
PLACES = (
    ("Europe/Berlin", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 29, 0, 40, tzinfo=UTC)),  # twenty minutes before the clock leaps forward
    ("Europe/Berlin", datetime(2026, 10, 25, 0, 40, tzinfo=UTC)),  # and before it falls back
    ("America/Los_Angeles", datetime(2026, 3, 8, 9, 40, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 11, 1, 8, 40, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 40, tzinfo=UTC)),  # by half an hour
    ("Europe/Berlin", datetime(2026, 7, 14, 22, 30, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 6, 10, 4, 0, tzinfo=UTC)),
    ("Pacific/Auckland", datetime(2026, 8, 20, 11, 59, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 6, 1, 23, 50, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 12, 31, 18, 0, tzinfo=UTC)),
)


LAGS = ((0.0,), (0.0,), (0.0, 2.0, 90.0), (0.0, 300.0, 590.0), (0.0, 300.0, LONG_LAG))
"""Seconds; one of a row is a change's own: what is changed later may show earlier."""


def at(chance: Random) -> int:
    return chance.randrange(1000)


def faults(chance: Random) -> list[Fault]:
    """One or two kinds of trouble that soon pass."""
    return [_fault(chance) for _ in range(chance.randint(1, 2))]


def _fault(chance: Random) -> Fault:
    kind, times = chance.choice(KINDS), chance.randint(1, 8)
    if kind == "status" and chance.random() < 0.5:
        return Fault(429, share=0.4, times=times, retry_after=chance.choice(("2", "0", None)))
    return Fault(503, share=0.4, kind=kind, times=times)


def cut(life: Life, chance: Random) -> dict[str, Trap]:
    """Where a sync ends: half of the time between the windows that it stores, else anywhere."""
    where = chance.random()
    if where < 0.5:
        return {"while_storing": Trap(chance.randint(1, 6), phase="fetching")}
    trap = Trap(chance.randint(1, life.usual + 6))
    return {"while_storing": trap} if where < 0.8 else {"while_reading": trap}


def break_issue(life: Life, chance: Random) -> None:
    """An issue cannot be read while others move on: it lies before the next window when it can be read again."""
    life.break_issue(at(chance))
    life.wait(700)
    life.create(chance.choice(PROJECTS))
    life.sync(prune="never")


def some_changes(life: Life, chance: Random) -> None:
    for _ in range(chance.randint(1, 4)):
        CHANGES[chance.choice(("create", "edit", "edit", "describe", "comment", "move"))][1](life, chance)


def cut_short(life: Life, chance: Random) -> None:
    """A sync with something to do that ends amid its work: while it stores, or while it reads."""
    some_changes(life, chance)
    is_full, prune = chance.random() < 0.15, chance.choice(("never", "never", "always"))
    life.sync(prune=prune, full=is_full, confirm_deletions=True, **cut(life, chance))
    if chance.random() < 0.5:
        life.close()


def meddle(life: Life, chance: Random) -> None:
    """A sync during which somebody changes the site."""
    verb = chance.choice((life.edit, life.comment, life.delete_comment))
    where = chance.choice(("while_storing", "while_reading"))
    trap = Trap(chance.randint(1, 12), lambda: verb(at(chance)))
    life.sync(prune=chance.choice(("never", "always")), full=chance.random() < 0.3, **{where: trap})


def delete_while_listing(life: Life, chance: Random) -> None:
    """Issues vanish while pages are walked: on Cloud all later ones move up, and one slips past."""
    life.lag(0)
    trap = Trap(chance.randint(1, 3), lambda: life.delete(at(chance)))
    is_shaky = life.setting.flavor == "cloud" and life.setting.page is not None
    life.sync(while_reading=trap, is_shaky=is_shaky, prune="always", full=chance.random() < 0.7)


def late_news(life: Life, chance: Random) -> None:
    """What changed first is shown last, after a sync that saw what changed later."""
    life.lag(590)
    some_changes(life, chance)
    life.wait(chance.choice((70, 200, 400)))
    life.lag(0)
    some_changes(life, chance)
    life.sync(prune="never")
    life.wait(600)
    life.sync(prune="never")


def delete_many(life: Life, chance: Random) -> None:
    """More than the brake lets pass, on a small site."""
    life.lag(0)
    for _ in range(5):
        life.delete(at(chance))
    life.sync(prune="always", confirm_deletions=chance.random() < 0.3)


def slow_index(life: Life, chance: Random) -> None:
    """From now on search shows each change so late, or so."""
    life.lags = chance.choice(LAGS)


def sync_while_all_edit(life: Life, chance: Random) -> None:
    if not life.site.accounts.users["agent"].lost:
        life.site.switches.edit_every = 3
        life.sync()
        life.site.switches.edit_every = 0


def sync_without_rights(life: Life, chance: Random) -> None:
    """The account's secret dies during a sync, and comes back."""
    trap = Trap(chance.randint(1, 8), life.refuse)
    life.sync(prune="always", confirm_deletions=True, while_reading=trap)
    life.accept()


def sync_of_a_window(life: Life, chance: Random) -> None:
    now = life.clock.now()
    since = now - timedelta(minutes=chance.randint(1, 90), seconds=chance.randint(0, 59))
    life.sync(since=since, until=since + timedelta(minutes=chance.randint(1, 60)) if chance.random() < 0.5 else None)


def sync(life: Life, chance: Random) -> None:
    life.sync(
        prune=chance.choice(("auto", "auto", "never", "never", "always")), confirm_deletions=chance.random() < 0.3
    )


CHANGES: dict[str, tuple[int, Step]] = {
    "create": (14, lambda life, chance: life.create(chance.choice(PROJECTS))),
    "edit": (9, lambda life, chance: life.edit(at(chance))),
    "describe": (3, lambda life, chance: life.describe(at(chance))),
    "comment": (7, lambda life, chance: life.comment(at(chance), chance.choice((None, None, "Developers")))),
    "edit_comment": (3, lambda life, chance: life.edit_comment(at(chance))),
    "delete_comment": (3, lambda life, chance: life.delete_comment(at(chance))),
    "label": (4, lambda life, chance: life.label(at(chance), chance.choice(("noted", "noise")))),
    "move": (4, lambda life, chance: life.move(at(chance), chance.choice(PROJECTS))),
    "delete": (4, lambda life, chance: life.delete(at(chance))),
    "restrict": (4, lambda life, chance: life.restrict(at(chance), chance.choice((None, "Secret", "Top")))),
    "link": (2, lambda life, chance: life.link(at(chance), at(chance))),
    "attach": (2, lambda life, chance: life.attach(at(chance))),
    "detach": (1, lambda life, chance: life.detach(at(chance))),
}
STEPS: dict[str, tuple[int, Step]] = CHANGES | {
    "lose": (1, lambda life, chance: life.lose(chance.choice(PROJECTS))),
    "archive": (1, lambda life, chance: life.archive(chance.choice(PROJECTS), archived=True)),
    "show_all": (4, lambda life, chance: life.show_all()),
    "wait": (14, lambda life, chance: life.wait(chance.choice((1, 120, 400, 700, 700, 4000)))),
    "slow_index": (6, slow_index),
    "trouble": (4, lambda life, chance: life.trouble(faults(chance))),
    "peace": (3, lambda life, chance: life.trouble([])),
    "break_issue": (2, break_issue),
    "mend_issues": (4, lambda life, chance: life.mend_issues()),
    "close": (1, lambda life, chance: life.close()),
    "sync": (18, sync),
    "sync_fully": (2, lambda life, chance: life.sync(full=True, confirm_deletions=chance.random() < 0.5)),
    "sync_of_a_window": (2, sync_of_a_window),
    "sync_while_all_edit": (2, sync_while_all_edit),
    "sync_without_rights": (1, sync_without_rights),
    "delete_many": (2, delete_many),
    "late_news": (3, late_news),
    "meddle": (3, meddle),
    "delete_while_listing": (6, delete_while_listing),
    "cut_short": (14, cut_short),
}
"""How often each step comes, and what it does."""


@dataclass
class Told:
    """A history from its seed: what was done, how it went, and (if so) what was wrong at its end."""

    flavor: Flavor
    seed: int
    steps: list[str] = field(default_factory=list)
    tale: Tale = field(default_factory=Tale)
    wrong: str = ""

    @property
    def counted(self) -> dict[str, int]:
        """How often each step was done."""
        return dict(sorted(Counter(self.steps).items()))


def setting(flavor: Flavor, seed: int) -> Setting:
    """Where and when the history of a seed takes place."""
    chance = Random(f"{flavor} {seed} setting")
    zone, start = chance.choice(PLACES)
    return Setting(
        flavor,
        zone,
        start,
        skew=chance.choice((0.0, 0.0, -7200.0, 5400.0, 200_000.0)),
        skipped=chance.choice(("", "", "noise")),
        page=chance.choice((None, 3, 3, 4, 5)),
        seed=seed,
    )


def tell(flavor: Flavor, seed: int, steps: int) -> Told:
    """Live through the history of a seed, so many steps long, and settle it. Whatever is wrong is told, not raised."""
    told, chance = Told(flavor, seed), Random(f"{flavor} {seed}")
    names, weights = list(STEPS), [weight for weight, _ in STEPS.values()]
    with Life(setting(flavor, seed)) as life:
        told.tale = life.tale
        life.lags = chance.choice(LAGS)
        try:
            for name in chance.choices(names, weights, k=steps):
                told.steps.append(name)
                life.lag(chance.choice(life.lags))
                STEPS[name][1](life, chance)
                life.look()
            life.settle()
        except Exception:  # noqa: BLE001 - an error of the product is what is looked for
            told.wrong = traceback.format_exc(limit=-6)
    return told


def plan(seed: int, steps: int) -> Iterator[tuple[Flavor, int, int]]:
    """Histories of different lengths on both flavors that take so many steps in all: flavor, seed and steps of each."""
    flavors: Iterator[Flavor] = cycle(("cloud", "dc"))
    chance = Random(seed)
    while steps > 0:
        length = min(steps, chance.choice((30, 60, 60, 120)))
        yield next(flavors), seed, length
        steps -= length
        seed += 1

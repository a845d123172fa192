"""A site that people work on, and the knowledge base that follows it through faults, kills and lag. After every sync the base
is held against what the `Mirror` promises; in the end against the site, and against a base that nobody disturbed."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from tests.flow.history import CutOffError, FakeClock, FragileBase, FragileConnector, HashVectors, Trap, assert_sound
from tests.flow.mirror import (
    EARLY,
    OVERLAP,
    WORD,
    Mirror,
    Ran,
    contents,
    failed_numbers,
    has_ended,
    stored_keys,
    watermark,
)
from tests.flow.world import CREDENTIALS

from jirakb.errors import DeletionBrakeError, InsufficientPermissionsError, SiteError
from jirakb.jira.client.retries import Budget
from jirakb.jira.connector import JiraConnector
from jirakb.jira.pacing import Timing
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.store import KnowledgeBase
from jirakb.report import Report
from jirakb.settings import Settings
from jirakb.simulator.accounts import AGENT, AGENT_EMAIL, Credential
from jirakb.simulator.issues import Issue
from jirakb.simulator.server import serve
from jirakb.simulator.site import Site
from jirakb.simulator.state import Flavor
from jirakb.simulator.switches import Fault, Switches
from jirakb.sync import Wish, sync

PROJECTS = ("PUMP", "HALL")
LONG_LAG = 1500.0  # seconds; more than an incremental sync reads again
BRAKE_COUNT, BRAKE_SHARE = 3, 0.2
WINDOW = 2  # issues stored in one transaction
CREDENTIAL = {
    "cloud": Credential("api_token", "sim-token", AGENT),
    "dc": Credential("pat", "sim-pat", AGENT),
}


@dataclass(frozen=True)
class Setting:
    """Where and when a history takes place. `skew`: by how many seconds our clock is ahead of the site's."""

    flavor: Flavor = "cloud"
    zone: str = "Europe/Berlin"
    start: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    skew: float = 0.0
    skipped: str = ""
    page: int | None = None
    seed: int = 0


@dataclass
class Tale:
    """What happened in a history: syncs by how they ended, and what they did."""

    ends: dict[str, int] = field(default_factory=dict)
    deleted: int = 0
    indexed: int = 0
    checked: int = 0

    def add(self, end: str, report: Report | None, checked: int) -> None:
        self.ends[end] = self.ends.get(end, 0) + 1
        self.checked += checked
        if report:
            self.deleted += report.counts.deleted
            self.indexed += report.counts.indexed


class Life:
    """One history; use it with `with`. `settle` is how it ends."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.stack = ExitStack()
        self.clock = FakeClock(setting.start)
        switches = Switches(seed=setting.seed, page_limit=setting.page, search_cap=setting.page or 1000)
        self.site = Site(setting.flavor, clock=self.clock.now, monotonic=self.clock.seconds, switches=switches)
        agent = self.site.accounts.users[AGENT]
        self.site.accounts.put(replace(agent, time_zone=setting.zone))
        self.running = self.stack.enter_context(serve(self.site))
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.settings = Settings(
            self.folder,
            gateway_url=self.running.gateway_url,
            connections=1,
            overlap_minutes=OVERLAP // 60,
            brake_count=BRAKE_COUNT,
            brake_share=BRAKE_SHARE,
        )
        self.base: FragileBase | None = None
        self.mirror = Mirror(self.site, setting.skipped)
        self.tale = Tale()
        self.said = 0
        self.lags: tuple[float, ...] = (0.0,)  # how late search may show the next change
        self.usual = 12  # steps of the last sync that came to its end
        self.is_refused = False
        for number in range(12):
            self.create(PROJECTS[number % 3 // 2])
        self.look()

    def __enter__(self) -> Life:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        self.stack.close()

    # The site lives

    def word(self) -> str:
        """A word that no other text holds."""
        self.said += 1
        return f"zq{self.said}x"

    def look(self) -> None:
        """Note what changed."""
        self.mirror.look(self.site.switches.index_lag, self.clock.now())

    def seen(self) -> list[Issue]:
        """The issues that the account sees."""
        hidden = self.mirror.hides()
        return [issue for issue in self.site.issues.values() if issue.project not in hidden]

    def pick(self, at: int) -> Issue | None:
        seen = self.seen()
        return seen[at % len(seen)] if seen else None

    def create(self, project: str) -> None:
        if self.is_archived(project):
            return
        self.site.create(project, f"A pump {self.word()}", description=f"h3. Steps\nTurn it {self.word()}.")

    def edit(self, at: int) -> None:
        if issue := self.pick(at):
            self.site.edit(issue.number, summary=f"Another pump {self.word()}", status=("To Do", "Done")[at % 2])

    def describe(self, at: int) -> None:
        if issue := self.pick(at):
            self.site.edit(issue.number, description=f"Once more {self.word()}.\n\n{self.word()}")

    def comment(self, at: int, role: str | None = None) -> None:
        if issue := self.pick(at):
            self.site.comment(issue.number, f"Seen {self.word()}", role=role)

    def comments(self) -> list[tuple[int, str]]:
        """Issue and id of each comment that the account sees."""
        return [(issue.number, held["id"]) for issue in self.seen() for held in issue.stored().get("comment", ())]

    def edit_comment(self, at: int) -> None:
        if found := self.comments():
            self.site.edit_comment(*found[at % len(found)], f"Seen again {self.word()}")

    def delete_comment(self, at: int) -> None:
        if found := self.comments():
            self.site.delete_comment(*found[at % len(found)])

    def label(self, at: int, label: str) -> None:
        if issue := self.pick(at):
            has = label in issue.stored()["labels"]
            (self.site.unlabel if has else self.site.label)(issue.number, label)

    def move(self, at: int, project: str) -> None:
        if (issue := self.pick(at)) and not self.is_archived(project):
            self.site.move(issue.number, project)

    def delete(self, at: int) -> None:
        if issue := self.pick(at):
            self.site.delete(issue.number)

    def restrict(self, at: int, level: str | None) -> None:
        if issue := self.pick(at):
            self.site.restrict(issue.number, level)

    def link(self, at: int, other: int) -> None:
        one, two = self.pick(at), self.pick(other)
        if one and two and one.number != two.number:
            self.site.link(one.number, two.number)

    def attach(self, at: int) -> None:
        if issue := self.pick(at):
            self.site.attach(issue.number, f"{self.word()}.txt", "pressure", mime="text/plain")

    def detach(self, at: int) -> None:
        files = [(issue.number, file["id"]) for issue in self.seen() for file in issue.stored().get("attachment", ())]
        if files:
            self.site.detach(*files[at % len(files)])

    def is_archived(self, project: str) -> bool:
        """Whether nobody can change anything in it."""
        return project in self.site.projects and self.site.projects[project].archived

    def archive(self, project: str, *, archived: bool) -> None:
        self.site.archive(project, archived=archived)

    def lose(self, project: str) -> None:
        self.site.lose(project)

    def show_all(self) -> None:
        """No project is lost or archived any more."""
        for key in self.mirror.hides():
            self.site.allow(project=key)
            self.archive(key, archived=False)

    # Time and trouble

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def lag(self, seconds: float) -> None:
        self.look()
        self.site.switches.index_lag = seconds

    def trouble(self, faults: list[Fault]) -> None:
        self.site.switches.faults = faults

    def break_issue(self, at: int) -> None:
        """An issue is changed, and from now on the site fails to make its body."""
        if issue := self.pick(at):
            self.edit(at)
            self.site.switches.broken.add(issue.number)

    def mend_issues(self) -> None:
        self.site.switches.broken.clear()

    def refuse(self) -> None:
        """The account's secret is no longer known."""
        self.site.revoke(CREDENTIAL[self.setting.flavor].secret)
        self.is_refused = True

    def accept(self) -> None:
        """It is known again; what one run may do with a secret that is not, it has not done."""
        self.check_manners()
        self.running.record.clear()
        self.site.accounts.issue(CREDENTIAL[self.setting.flavor])
        self.site.accounts.forgive(AGENT_EMAIL)
        self.is_refused = False

    def close(self) -> None:
        """The process ends; the next one opens the knowledge base again."""
        if self.base is not None:
            self.base.close()
            self.base = None

    # The knowledge base follows

    def opened(self) -> FragileBase:
        if self.base is None:
            self.base = cast(FragileBase, FragileBase.open(self.folder / "kb", create=True))
        return self.base

    def sync(
        self,
        *,
        while_storing: Trap | None = None,
        while_reading: Trap | None = None,
        is_shaky: bool = False,
        **wish: object,
    ) -> Report | None:
        """A sync that may fail or be cut off, and what holds after each; the report of one that came to its end.

        `is_shaky`: rows may vanish while it walks over pages, so that its listing can miss others.
        """
        self.wait(1.0)  # so that what was done before lies before the second in which it begins
        self.look()
        storing, base = while_storing or Trap(), self.opened()
        stored, mark = stored_keys(base), watermark(base)
        base.arm(storing)
        wanted = {"batch_size": WINDOW, **wish}
        report, end = self._try(base, while_reading or Trap(), wanted)
        base.arm(Trap())
        self.look()
        if is_shaky:
            self.mirror.doubt(self.clock.now())
        if report:
            self.usual = storing.passed
        checked = self.check(report, stored, mark, is_confirmed=bool(wish.get("confirm_deletions")), **wanted)
        self.tale.add(end, report, checked)
        return report

    def synced(self, **wish: object) -> Report:
        """The report of a sync that has to come to its end."""
        report = self.sync(**wish)  # type: ignore[arg-type]
        assert report is not None
        return report

    def _try(self, base: FragileBase, trap: Trap, wish: dict[str, object]) -> tuple[Report | None, str]:
        try:
            return self._sync(base, trap, wish), "complete"
        except DeletionBrakeError as stopped:
            return cast(Report, stopped.report), "stopped"
        except InsufficientPermissionsError:
            assert self.is_refused
            return None, "refused"
        except CutOffError:
            return None, "cut off"
        except SiteError:
            return None, "failed"

    def _sync(self, base: KnowledgeBase, trap: Trap, wish: dict[str, object]) -> Report:
        with closing(self.connector(trap)) as source:
            return self.sync_with(source, Wish(query=source.query, **wish), base)  # type: ignore[arg-type]

    def sync_with(self, source: JiraConnector, wish: Wish, base: KnowledgeBase | None = None) -> Report:
        """A sync that nothing disturbs and nobody checks."""
        ahead = timedelta(seconds=self.setting.skew)
        return sync(
            source, base or self.opened(), wish,
            settings=self.settings, embedder=HashVectors(), clock=lambda: self.clock.now() + ahead,
        )  # fmt: skip

    def connector(self, trap: Trap) -> FragileConnector:
        timing = replace(self.clock.timing, now=lambda: self.clock.epoch() + self.setting.skew)
        connector = FragileConnector(
            self.running.base_url, projects=("*",), labels_to_skip=[self.setting.skipped] if self.setting.skipped else [],
            credentials=CREDENTIALS[self.setting.flavor], settings=self.settings,
            timing=cast(Timing, timing), budget=Budget(attempts=4, throttles=4),
        )  # fmt: skip
        connector.trap = trap
        return connector

    # What holds after every sync, however it ended

    def check(
        self,
        report: Report | None,
        stored: dict[int, str],
        mark: datetime | None,
        *,
        is_confirmed: bool,
        since: datetime | None = None,
        until: datetime | None = None,
        **wish: object,
    ) -> int:
        """How many issues were compared."""
        base = self.opened()
        assert_sound(base)
        ran = Ran.of(base, report) if report else None
        self.check_losses(stored, ran, is_confirmed=is_confirmed)
        self.mirror.learn_keys(base)
        self.mirror.assert_keys(base)
        now = watermark(base)
        if report is None or ran is None or ran.kind == "window":
            assert now == mark or (report is None and has_ended(base)), (
                "the watermark moved without a run that came to its end"
            )
        if report is None or ran is None:
            return 0
        if ran.kind != "window":
            assert now is not None
            assert (mark or now) <= now
            assert now <= max(ran.began, mark or ran.began), "the watermark is later than the site's clock"
        if ran.census and report.state != "stopped":
            self.check_census(ran, is_confirmed=is_confirmed)
        return self.check_report(report, ran, since=since, until=until)

    def check_census(self, ran: Ran, *, is_confirmed: bool) -> None:
        """Whatever is gone was taken out, but for what a hidden project has."""
        over, kept = self.mirror.over(ran), set() if is_confirmed else self.mirror.hides()
        left = [
            key for number, key in stored_keys(self.opened()).items() if number in over and project(key) not in kept
        ]
        assert not left, f"a census left what is gone: {left}"

    def check_report(self, report: Report, ran: Ran, *, since: datetime | None, until: datetime | None) -> int:
        base, counts = self.opened(), report.counts
        assert counts.listed == counts.indexed + counts.unchanged + counts.omitted
        assert base.counts().waiting == 0
        failed = failed_numbers(base)
        assert (report.state in ("incomplete", "stopped")) >= bool(failed)
        excused = self.site.switches.broken | (failed if self.site.switches.faults else set())
        assert ran.kind == "window" or failed <= excused, "what fails no more was not tried again"
        promised = [i for i in self.mirror.promised(ran, since or EARLY, until) if i.number not in excused]
        self.mirror.assert_equal(base, promised)
        self.mirror.trust(promised, ran)
        self.check_search(some=3)
        return len(promised)

    def check_losses(self, stored: dict[int, str], ran: Ran | None, *, is_confirmed: bool) -> None:
        """Nothing is taken out that the site still shows, of a hidden project, without a census, or against the brake."""
        kept = stored_keys(self.opened()).keys()
        lost = stored.keys() - kept
        hidden = {stored[number] for number in lost if project(stored[number]) in self.mirror.hides()}
        assert is_confirmed or not hidden, f"taken out with a hidden project: {hidden}"
        began = ran.began if ran else EARLY
        wrong = {number for number in lost if not self.mirror.may_go(number, began)}
        assert not wrong, f"taken out though the site shows it: {wrong}"
        if ran and not ran.census:
            assert not lost, "taken out without a census"
        too_many = len(lost) > BRAKE_COUNT and len(lost) > BRAKE_SHARE * len(kept | lost)
        assert is_confirmed or not too_many, "the brake did not stop it"

    def check_search(self, some: int) -> None:
        """What is stored is found by its words, and words that are nowhere stored are not."""
        base = self.opened()
        texts = {document.key: set(WORD.findall(document.markdown)) for document in base.each_document()}
        held = {word: key for key, words in texts.items() for word in words}
        dead = [word for n in range(self.said, 0, -1) if (word := f"zq{n}x") not in held]
        with closing(Searcher(base)) as searcher:
            for word in sorted(held, key=lambda word: -int(word[2:-1]))[:some]:
                hits = searcher.search(word, principals=None, mode="text").hits
                assert held[word] in {hit.key for hit in hits}, f"{word} is not found"
            for word in dead[:some]:
                found = searcher.search(word, principals=None, mode="text")
                assert (found.hits, found.total) == ((), 0), f"{word} is still found"

    def check_manners(self) -> None:
        """Nothing was done to the site that a guest does not do."""
        violations = self.running.record.violations
        assert not violations, violations

    # In the end

    def settle(self) -> None:
        """Faults end and search catches up: then the index equals the site, and one that nobody disturbed."""
        self.trouble([])
        self.mend_issues()
        self.lag(0)
        self.wait(LONG_LAG + 1)
        self.synced(prune="never")
        report = self.synced(prune="always", confirm_deletions=True)
        assert (report.state, report.failed) == ("complete", 0)
        visible = self.mirror.visible()
        assert report.counts.listed == len(visible)
        ran = Ran.of(self.opened(), report)
        assert self.mirror.promised(ran) == visible, "not every issue in sight was compared"
        assert stored_keys(self.opened()) == {issue.number: issue.key for issue in visible}
        self.check_search(some=10_000)
        self.check_against_undisturbed()
        self.check_manners()

    def check_against_undisturbed(self) -> None:
        with closing(KnowledgeBase.open(self.folder / "undisturbed", create=True)) as other:
            self._sync(other, Trap(), {})
            mine, theirs = contents(self.opened()), contents(other)
        for table, rows in theirs.items():
            assert mine[table] == rows, table


def project(key: str) -> str:
    """The project of a key."""
    return key.rpartition("-")[0]

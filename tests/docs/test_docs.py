"""The documentation names everything, its links lead somewhere, its examples run, and no file says what it should not."""

from __future__ import annotations

import gzip
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main
from docs.generate import PAGE, commands_page
from markdown_it import MarkdownIt
from tests.docs.conftest import ROOT, own_files, pages

from jirakb.service.cli import app
from jirakb.simulator.server import Running, serve
from jirakb.simulator.simulate import sample_files
from jirakb.simulator.site import Site

RUNNABLE = "# runnable\n"
SETTING = re.compile(r"\bJIRAKB_[A-Z][A-Z_]*[A-Z]\b")
LARGEST_SAMPLE = 20_000_000  # characters of the real corpus that are looked through for names


@dataclass(frozen=True)
class Block:
    """A fenced piece of a page."""

    page: Path
    line: int
    language: str
    text: str


def commands() -> dict[str, frozenset[str]]:
    """The options of each command; a group has those of its commands."""
    group = typer.main.get_command(app)
    return {name: frozenset(options_of(command)) for name, command in group.commands.items()}  # type: ignore[attr-defined]


def options_of(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from (option for option in (*parameter.opts, *parameter.secondary_opts) if option.startswith("--"))
    for one in getattr(command, "commands", {}).values():
        yield from options_of(one)


def blocks() -> Iterator[Block]:
    for page in pages():
        for token in MarkdownIt().parse(page.read_text("utf-8")):
            if token.type == "fence":
                yield Block(page, (token.map or [0])[0] + 1, token.info.split(" ")[0], token.content)


RUNNABLE_BLOCKS = [block for block in blocks() if block.language == "python" and block.text.startswith(RUNNABLE)]


def typed_commands() -> Iterator[tuple[Block, list[str]]]:
    """Each call of jirakb in the examples for a shell, as its words."""
    for block in blocks():
        if block.language not in ("sh", "console", "bash"):
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if "jirakb " in line else []
            after = words[words.index("jirakb") + 1 :] if "jirakb" in words else []
            if after and re.match(r"[a-z-]", after[0]):  # else a folder of that name
                yield block, after


def names_a(option: str, prose: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", prose) is not None


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_and_option_is_documented(command: str, prose: str) -> None:
    assert f"jirakb {command}" in prose
    assert not [option for option in sorted(commands()[command]) if not names_a(option, prose)]


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert PAGE.read_text("utf-8") == commands_page(), "run make docs"


def test_every_setting_is_documented_and_every_documented_setting_exists(prose: str) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    tools = "\n".join(path.read_text("utf-8") for path in [*ROOT.glob("bench/*.py"), *ROOT.glob("tests/**/*.py")])
    settings = set(SETTING.findall(code))
    assert {"JIRAKB_HOME", "JIRAKB_TOKEN"} <= settings
    assert settings - set(SETTING.findall(prose)) == set()
    assert set(SETTING.findall(prose)) - settings - set(SETTING.findall(tools)) == set()


def test_the_examples_for_a_shell_use_commands_and_options_that_exist() -> None:
    known = commands()
    calls = list(typed_commands())
    assert len(calls) > 5
    for block, words in calls:
        options = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
        assert words[0] in known or words[0] in ("--version", "--help"), f"{block.page.name}: jirakb {words[0]}"
        assert options <= known.get(words[0], frozenset()) | {"--help", "--version"}, f"{block.page.name}: {words}"


def test_some_examples_are_run() -> None:
    assert len(RUNNABLE_BLOCKS) >= 2


@pytest.fixture(scope="module")
def sample() -> Iterator[Running]:
    """The bundled sample site."""
    with serve(Site.load(sample_files())) as running:
        yield running


@pytest.mark.parametrize("block", RUNNABLE_BLOCKS, ids=lambda block: f"{block.page.stem}-{block.line}")
def test_the_examples_in_python_run(
    block: Block, sample: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example that begins with "# runnable" finds `base_url` and `credentials`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JIRAKB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JIRAKB_GATEWAY_URL", sample.gateway_url)
    credentials = {"jira_user_email": "agent@example.com", "jira_api_token": "sim-token"}
    given = {"__name__": "example", "base_url": sample.base_url, "credentials": credentials}
    exec(compile(block.text, f"{block.page}:{block.line}", "exec"), given)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target} names no heading"


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links within the repository."""
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        for child in token.children or ():
            target = str(child.attrGet("href") or child.attrGet("src") or "")
            if target and "://" not in target and not target.startswith("mailto:"):
                yield target


def test_the_tests_that_promises_name_exist() -> None:
    named = re.findall(r"`(tests/[\w/.]+|test_\w+)`", (ROOT / "docs" / "promises.md").read_text("utf-8"))
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"def (test_\w+)", code))
    assert len(named) > 50
    assert [name for name in named if name not in known and not (ROOT / name).exists()] == []


def anchors(page: Path) -> set[str]:
    """The names by which headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_no_file_names_this_machine_or_a_registry() -> None:
    places = [str(ROOT) + "/", str(Path.home()) + "/"]
    registries = ["pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "npmjs" + ".com", "file:///" + "opt"]
    for path in own_files():
        text = path.read_text("utf-8", "replace")
        assert not [word for word in (*places, *registries) if word in text], path


def test_no_file_names_a_person_of_the_real_corpus() -> None:
    corpus = Path(os.environ.get("JIRAKB_SHARED", ROOT / ".." / "shared")) / "data" / "titanium.jsonl.gz"
    if not corpus.is_file():
        pytest.skip("the real corpus is not here")
    with gzip.open(corpus, "rt", encoding="utf-8") as file:
        told = set(re.findall(r'"displayName":\s*"([^"\\]+)"', file.read(LARGEST_SAMPLE)))
    people = {name.strip() for name in told if len(name.split()) >= 2}
    assert len(people) > 100
    starts = {tuple(name.split()[:2]) for name in people}
    for path in own_files():
        text = path.read_text("utf-8", "replace")
        words = re.findall(r"[^\s\"'(),:;<>\[\]{}|]+", text)
        near = set(pairwise(words)) & starts
        assert not [name for name in people if tuple(name.split()[:2]) in near and name in text], path

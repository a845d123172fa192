"""Can the made-up site be loaded, searched and shown: are its people, links, files and documents whole?"""

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jirakb.simulator.load import load
from jirakb.simulator.sample import FILES, SAMPLE
from jirakb.simulator.state import Flavor, State
from jirakb.simulator.wiki_adf import wiki_to_adf

SHARED = Path(os.environ.get("JIRAKB_SHARED", Path(__file__).parents[3] / "shared"))
MARKS = {
    "{code": "code",
    "{noformat}": "preformatted",
    "{panel": "panel",
    "{quote}": "quote",
    "{color": "colour",
    "||": "table",
}


@cache
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


def site() -> dict[str, Any]:
    held: dict[str, Any] = lines()[0]["site"]
    return held


def issues() -> list[dict[str, Any]]:
    return lines()[1:]


def texts() -> Iterator[Any]:
    for issue in issues():
        fields = issue["fields"]
        yield from filter(None, (fields["description"], fields.get("environment"), fields.get("customfield_10024")))
        yield from (comment["body"] for comment in fields["comment"])


def wiki(text: Any) -> str:
    return str(text["wiki"] if isinstance(text, dict) else text)


def node_types(node: Any) -> Iterator[str]:
    yield node["type"]
    for child in node.get("content", []):
        yield from node_types(child)


def test_it_has_three_projects_and_about_three_hundred_issues() -> None:
    projects = Counter(issue["key"].partition("-")[0] for issue in issues())
    assert set(projects) == {project["key"] for project in site()["projects"]}
    assert min(projects.values()) >= 60
    assert 280 <= len(issues()) <= 320


def test_it_is_small_enough_to_ship() -> None:
    assert SAMPLE.stat().st_size < 900_000
    assert sum(file.stat().st_size for file in FILES.iterdir()) < 300_000


def test_no_text_stands_in_it_twice() -> None:
    seen = Counter(wiki(text) for text in texts() if len(wiki(text)) > 60)
    assert [text for text, times in seen.items() if times > 1] == []
    assert len({issue["fields"]["summary"] for issue in issues()}) == len(issues())


def test_ids_and_keys_are_its_own() -> None:
    assert len({issue["id"] for issue in issues()}) == len({issue["key"] for issue in issues()}) == len(issues())
    comments = [comment["id"] for issue in issues() for comment in issue["fields"]["comment"]]
    assert len(set(comments)) == len(comments)


def test_everybody_named_is_one_of_its_people() -> None:
    known = {user["name"] for user in site()["users"]}
    named = {issue["fields"].get(role) for issue in issues() for role in ("reporter", "creator", "assignee")}
    named |= {entry["author"] for issue in issues() for entry in issue["fields"]["comment"]}
    named |= {match for text in texts() for match in re.findall(r"\[~([a-z]+)\]", wiki(text))}
    assert named - {None} <= known


def test_every_address_is_an_invented_one() -> None:
    addresses = re.findall(r"[\w.+-]+@[\w.-]+\.[a-z]{2,}\b", SAMPLE.read_text(encoding="utf-8"))
    assert [address for address in addresses if not re.search(r"(^|[@.])example(\.com)?$", address)] == []


def test_links_parents_and_subtasks_name_issues_that_exist() -> None:
    keys = {issue["key"] for issue in issues()}
    for issue in issues():
        fields = issue["fields"]
        named = [link.get("inwardIssue", link.get("outwardIssue"))["key"] for link in fields["issuelinks"]]
        named += [subtask["key"] for subtask in fields["subtasks"]]
        named += [fields["parent"]["key"]] if "parent" in fields else []
        assert set(named) <= keys


def test_comments_follow_their_issue_in_time() -> None:
    for issue in issues():
        times = [issue["fields"]["created"], *(comment["created"] for comment in issue["fields"]["comment"])]
        assert times == sorted(times), issue["key"]
        assert max(times) <= issue["fields"]["updated"]


def test_some_comments_are_not_for_everybody() -> None:
    comments = [comment for issue in issues() for comment in issue["fields"]["comment"]]
    assert {comment["visibility"]["type"] for comment in comments if "visibility" in comment} == {"role", "group"}
    assert sum(comment.get("jsdPublic") is False for comment in comments) >= 10
    assert sum("security" in issue["fields"] for issue in issues()) >= 5


def test_the_markup_is_rich() -> None:
    everything = [wiki(text) for text in texts()]
    assert {name for sign, name in MARKS.items() if any(sign in text for text in everything)} == set(MARKS.values())
    written = {kind for text in texts() if isinstance(text, dict) for kind in node_types(text["adf"])}
    assert written >= {
        "status",
        "date",
        "mention",
        "emoji",
        "taskList",
        "decisionList",
        "expand",
        "inlineCard",
        "layoutSection",
    }


def test_the_documents_are_valid() -> None:
    path = SHARED / "fixtures" / "adf" / "adf-schema-full.json"
    if not path.exists():
        pytest.skip("the schema is not at hand")
    schema = jsonschema.Draft4Validator(json.loads(path.read_text(encoding="utf-8")))
    for number, text in enumerate(texts()):
        if isinstance(text, dict):
            schema.validate(text["adf"])
        elif number % 4 == 0:
            schema.validate(wiki_to_adf(text))


def test_attachments_have_their_bytes() -> None:
    attached = [file for issue in issues() for file in issue["fields"]["attachment"]]
    assert {SAMPLE.parent / file["path"] for file in attached} == set(FILES.iterdir())
    for file in attached:
        assert (SAMPLE.parent / file["path"]).stat().st_size == file["size"]


def test_office_files_and_archives_can_be_opened() -> None:
    packed = [file for file in FILES.iterdir() if file.suffix in {".docx", ".xlsx", ".zip"}]
    for file in packed:
        with zipfile.ZipFile(file) as archive:
            assert archive.testzip() is None
    assert len(packed) >= 4


@pytest.mark.parametrize("flavor", ["cloud", "dc"])
def test_the_simulated_site_loads_it(flavor: Flavor) -> None:
    state = State(flavor)
    load(state, [SAMPLE])
    assert len(state.issues) == len(issues())
    assert state.title == "Quillmoss Controls"

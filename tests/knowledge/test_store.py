from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest

from jirakb.documents import Document, Fields, Part, RawIssue, Readers
from jirakb.errors import KnowledgeBaseBusyError, NotFoundError, SettingsError
from jirakb.knowledge.prepare import PreparedIssue, prepare
from jirakb.knowledge.store import KnowledgeBase, Stored
from jirakb.source import Rendered

SITE = "https://jira.example.com"
ROLE = Readers({f"{SITE}/role:Developers"})
DAY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def issue(
    number: int = 1, *, key: str = "ABC-1", title: str = "Pump stops", text: str = "It stops.", comment: str = ""
) -> PreparedIssue:
    url = f"{SITE}/browse/{key}"
    parts = [Part("description", "Description", text, url)]
    if comment:
        parts.append(Part("comment", "Comments", f"- Ann (2026):\n  {comment}", f"{url}?focusedCommentId=5", ROLE, "5"))
    document = Document(
        id=f"{SITE}:{number}", kind="issue", site=SITE, number=number, key=key, title=title, url=url, updated=DAY,
        head=f"---\nkey: {key}\n---", parts=tuple(parts), fields=Fields(project="ABC"),
    )  # fmt: skip
    return prepare(RawIssue(number, key, DAY, b"{}"), Rendered((document,)))


@pytest.fixture
def base(tmp_path: Path) -> Iterator[KnowledgeBase]:
    base = KnowledgeBase.open(tmp_path / "kb", create=True)
    yield base
    base.close()


def put(base: KnowledgeBase, prepared: PreparedIssue, connector: str = "one") -> Stored:
    with base.transaction() as tx:
        return base.put(tx, connector, SITE, prepared)


def outbox(base: KnowledgeBase) -> list[tuple[int, int]]:
    return base.reader().execute("SELECT document, gone FROM outbox ORDER BY seq").fetchall()


def test_a_stored_issue_is_read_back_as_it_was(base: KnowledgeBase) -> None:
    prepared = issue()
    put(base, prepared)
    (found,) = base.documents("abc-1")
    assert found.markdown == prepared.documents[0].document.markdown
    assert found.updated == DAY


def test_the_same_issue_again_changes_nothing(base: KnowledgeBase) -> None:
    put(base, issue())
    before = outbox(base)
    assert put(base, issue()) == Stored(changed=False)
    assert outbox(base) == before


def test_a_changed_issue_replaces_its_document_under_a_new_id_and_says_so_in_the_outbox(base: KnowledgeBase) -> None:
    put(base, issue())
    put(base, issue(text="It stops at night."))
    assert base.counts().documents == 1
    assert outbox(base) == [(1, 0), (1, 1), (2, 0)]


def test_an_unchanged_passage_keeps_its_vector(base: KnowledgeBase) -> None:
    base.use_embedder("model-1")
    put(base, issue(comment="Confirmed."))
    with base.transaction() as tx:
        for passage, digest in tx.execute("SELECT id, hash FROM passage").fetchall():
            tx.execute("INSERT INTO vector (passage, hash, value) VALUES (?, ?, ?)", (passage, digest, bytes(384)))
        tx.execute("DELETE FROM backlog")
    stored = put(base, issue(comment="Not confirmed."))
    assert (stored.passages, stored.reused) == (2, 1)
    assert base.counts().waiting == 1


def test_another_model_makes_all_vectors_anew(base: KnowledgeBase) -> None:
    put(base, issue())
    assert base.counts().waiting == 0
    base.use_embedder("model-1")
    assert base.counts().waiting == 1
    assert base.counts().vectors_ready == 0.0


def test_an_issue_goes_with_its_last_claim(base: KnowledgeBase) -> None:
    put(base, issue(), "one")
    put(base, issue(), "two")
    with base.transaction() as tx:
        assert base.release(tx, "one", 1) is False
    assert base.documents("ABC-1")
    with base.transaction() as tx:
        assert base.release(tx, "two", 1) is True
    for table in ("issue", "raw", "document", "section", "passage", "vector", "backlog", "claim", "alias"):
        assert base.reader().execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    with pytest.raises(NotFoundError):
        base.documents("ABC-1")


def test_a_moved_issue_is_found_by_its_old_key(base: KnowledgeBase) -> None:
    put(base, issue(key="ABC-1"))
    put(base, issue(key="XYZ-9"))
    assert [document.key for document in base.documents("ABC-1")] == ["XYZ-9"]
    assert base.counts().issues == 1


def test_a_restricted_comment_is_cut_out_for_those_who_may_not_read_it(base: KnowledgeBase) -> None:
    put(base, issue(comment="The password is on the door."))
    assert "on the door" in base.documents("ABC-1")[0].markdown
    assert "on the door" in base.documents("ABC-1", ROLE)[0].markdown
    open_text = base.documents("ABC-1", Readers())[0].markdown
    assert "on the door" not in open_text
    assert "Comments" not in open_text


def test_a_restricted_issue_does_not_exist_for_those_who_may_not_read_it(base: KnowledgeBase) -> None:
    level = Readers({f"{SITE}/level:7"})
    prepared = issue()
    document = prepared.documents[0].document
    parts = tuple(replace(part, readers=level) for part in document.parts)
    put(base, prepare(prepared.raw, Rendered((replace(document, readers=level, parts=parts),))))
    assert base.documents("ABC-1", level)
    with pytest.raises(NotFoundError):
        base.documents("ABC-1", Readers())
    assert list(base.each_document(Readers())) == []


def test_a_failed_transaction_leaves_nothing(base: KnowledgeBase) -> None:
    def fail() -> None:
        with base.transaction() as tx:
            base.put(tx, "one", SITE, issue())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert base.counts().issues == 0
    assert outbox(base) == []


def test_only_one_holder_has_the_lease(base: KnowledgeBase) -> None:
    with base.lease(), pytest.raises(KnowledgeBaseBusyError, match="Process"), base.lease():
        pass
    with base.lease():
        pass


def test_a_knowledge_base_of_a_newer_version_is_left_alone(base: KnowledgeBase) -> None:
    connection = apsw.Connection(str(base.path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SettingsError, match="newer version"):
        KnowledgeBase.open(base.folder)


def test_without_a_knowledge_base_there_is_a_clear_error_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        KnowledgeBase.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()

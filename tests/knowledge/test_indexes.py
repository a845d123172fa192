"""The derived indexes: they follow, survive being killed, lost or damaged, and never bring back what is gone."""

from __future__ import annotations

import random
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jirakb.knowledge.index import text, vectorfile
from jirakb.knowledge.index.text import RESTRICTED, TextIndex, open_folder, text_folder
from jirakb.knowledge.index.vectors import Matrix
from jirakb.knowledge.search import Searcher
from jirakb.knowledge.search.result import SearchResult

if TYPE_CHECKING:
    from conftest import Shelf


def answer(result: SearchResult) -> tuple[Any, ...]:
    return result.total, [(hit.key, round(hit.score, 5), hit.snippet) for hit in result.hits]


def fill(shelf: Shelf, count: int = 12) -> None:
    for number in range(1, count + 1):
        shelf.put(f"ABC-{number}", f"issue {'login ' * (number % 4)}", f"comment {number} crash")
    shelf.embed()


def test_the_index_follows_the_outbox_and_says_when_it_is_behind(shelf: Shelf) -> None:
    fill(shelf, 3)
    index = TextIndex(shelf.folder)
    assert index.is_behind(shelf.base.reader())
    assert index.follow(shelf.base.reader()) == 3
    assert not index.is_behind(shelf.base.reader())
    assert index.follow(shelf.base.reader()) == 0
    shelf.put("ABC-1", "changed")
    assert index.is_behind(shelf.base.reader())
    assert index.follow(shelf.base.reader()) == 2  # the old document goes, the new one comes
    index.close()


def test_lost_indexes_are_made_anew_and_give_the_same_hits(shelf: Shelf) -> None:
    fill(shelf)
    before = answer(shelf.searcher().search("login crash", principals=None))
    for name in ("text", "vectors"):
        assert (shelf.folder / name).exists()
        shutil.rmtree(shelf.folder / name)
        assert answer(shelf.searcher().search("login crash", principals=None)) == before
    for name in ("text", "vectors"):
        shutil.rmtree(shelf.folder / name, ignore_errors=True)
    assert answer(shelf.searcher().search("login crash", principals=None)) == before


def test_indexes_lost_under_an_open_searcher_do_not_stop_it(shelf: Shelf) -> None:
    fill(shelf)
    searcher = shelf.searcher()
    before = answer(searcher.search("login", principals=None))
    shutil.rmtree(shelf.folder / "text")
    shutil.rmtree(shelf.folder / "vectors")
    assert answer(searcher.search("login", principals=None)) == before
    shelf.put("ABC-99", "zeppelin")
    assert searcher.search("zeppelin", principals=None, mode="text").hits[0].key == "ABC-99"


@pytest.mark.parametrize("damage", ["meta.json", "*.store", "*.term", "*.idx", "*.fast", "everything"])
def test_a_damaged_text_index_is_made_anew(shelf: Shelf, damage: str) -> None:
    fill(shelf)
    before = answer(shelf.searcher().search("login", principals=None))
    for path in (shelf.folder / "text" / "open").glob("*" if damage == "everything" else damage):
        path.write_bytes(b"" if damage == "everything" else path.read_bytes()[: path.stat().st_size // 2])
    assert answer(shelf.searcher().search("login", principals=None)) == before


@pytest.mark.parametrize("damage", ["*.term", "*.idx"])
@pytest.mark.parametrize("finder", ["search", "sync"])
def test_a_text_index_with_bytes_of_something_else_is_made_anew(shelf: Shelf, damage: str, finder: str) -> None:
    fill(shelf, 120)
    before = answer(shelf.searcher().search("login", principals=None))
    for seed in range(2):
        scribble(shelf.folder / "text" / "open", damage, seed)
        if finder == "sync":
            shelf.put("ABC-200", f"stored {seed}")
            shelf.remove("ABC-200")
            shelf.index()
        assert answer(shelf.searcher().search("login", principals=None)) == before


@pytest.mark.parametrize("damage", ["*.seq", "*.passage", "*.document", "*.readers"])
def test_a_matrix_file_with_bytes_of_something_else_is_made_anew(shelf: Shelf, damage: str) -> None:
    fill(shelf)
    save(shelf)
    shelf.put("ABC-13", "appended login")
    shelf.embed()
    before = answer(shelf.searcher().search("login", principals=None, mode="vector"))
    for seed in range(3):
        assert save(shelf).filed == 13
        scribble(shelf.folder / "vectors", damage, seed)
        assert answer(shelf.searcher().search("login", principals=None, mode="vector")) == before


def scribble(folder: Path, pattern: str, seed: int) -> None:
    """Random bytes in the middle of files, which stay as long as they were."""
    for path in folder.glob(pattern):
        content = path.read_bytes()
        start = min(100, len(content) // 2)
        noise = random.Random(seed).randbytes(min(2_000, len(content) - start))
        path.write_bytes(content[:start] + noise + content[start + len(noise) :])


def test_a_matrix_file_that_is_damaged_or_of_another_knowledge_base_is_made_anew(
    shelf: Shelf, second_shelf: Shelf
) -> None:
    fill(shelf)
    fill(second_shelf, 3)
    before = answer(shelf.searcher().search("login", principals=None, mode="vector"))
    save(shelf)
    for kind in ("*.values", "*.signs", "*.seq", "*.passage", "*.document", "*.readers", "head.json"):
        (path,) = (shelf.folder / "vectors").glob(kind)
        path.write_bytes(path.read_bytes()[:-5])
        assert answer(shelf.searcher().search("login", principals=None, mode="vector")) == before
        save(shelf)
    save(second_shelf)
    shutil.rmtree(shelf.folder / "vectors")
    shutil.copytree(second_shelf.folder / "vectors", shelf.folder / "vectors")
    assert answer(shelf.searcher().search("login", principals=None, mode="vector")) == before


def test_a_text_index_of_another_knowledge_base_is_made_anew(shelf: Shelf, second_shelf: Shelf) -> None:
    fill(shelf)
    second_shelf.put("XYZ-1", "zeppelin")
    second_shelf.index()
    before = answer(shelf.searcher().search("login", principals=None, mode="text"))
    shutil.rmtree(shelf.folder / "text")
    shutil.copytree(second_shelf.folder / "text", shelf.folder / "text")
    searcher = shelf.searcher()
    assert searcher.search("zeppelin", principals=None, mode="text").total == 0
    assert answer(searcher.search("login", principals=None, mode="text")) == before


def test_what_was_committed_before_a_kill_is_indexed_on_opening(shelf: Shelf) -> None:
    fill(shelf)
    shelf.index()
    shelf.put("ABC-1", "zeppelin")
    shelf.remove("ABC-2")  # and the process is killed before the index follows
    result = shelf.searcher().search("zeppelin", principals=None, mode="text")
    assert [hit.key for hit in result.hits] == ["ABC-1"]
    assert shelf.searcher().search("crash", principals=None, mode="text").total == 10


def test_a_kill_between_the_two_commits_of_the_index_is_healed(shelf: Shelf, tmp_path: Path) -> None:
    staff = frozenset({"staff"})
    shelf.put("ABC-1", "old", ("old secret", staff))
    shelf.index()
    shutil.copytree(shelf.folder / "text" / "restricted", tmp_path / "before")
    shelf.put("ABC-1", "new", ("new secret", staff))
    shelf.index()
    shutil.rmtree(shelf.folder / "text" / "restricted")
    shutil.copytree(tmp_path / "before", shelf.folder / "text" / "restricted")
    searcher = shelf.searcher()
    assert searcher.search("new", principals=staff, mode="text").total == 1
    assert searcher.search("secret", principals=staff, mode="text").total == 1
    assert searcher.search("old", principals=staff, mode="text").total == 0


def segments(shelf: Shelf) -> int:
    return int(open_folder(text_folder(shelf.folder) / RESTRICTED).searcher().num_segments)


def test_the_first_document_to_go_is_not_kept_by_a_merge_that_was_left_over(shelf: Shelf) -> None:
    staff, rounds = frozenset({"staff"}), 0
    while segments(shelf) < 8:  # tantivy merges eight, unless its writer is closed before it could
        rounds += 1
        for at in range(rounds):  # the newest is the largest: it is the one by which a merge tells what was deleted
            shelf.put(f"ABC-{100 * rounds + at}", f"word{rounds}n{at}x", readers=staff)
        shelf.index()
        assert rounds < 60, "every merge came to its end"
    shelf.remove(f"ABC-{100 * (rounds - 1)}")  # of the segment from which the last commit took something out
    index = TextIndex(shelf.folder)
    index.follow(shelf.base.reader())
    until = time.monotonic() + 30
    while segments(shelf) >= 8 and time.monotonic() < until:
        time.sleep(0.01)
    index.close()
    assert segments(shelf) < 8, "the merge that was left over has not run"
    found = shelf.searcher().search(f"word{rounds - 1}n0x", principals=staff, mode="text")
    assert (found.hits, found.total) == ((), 0)


def test_old_documents_never_return_while_a_sync_holds_the_lease(shelf: Shelf) -> None:
    fill(shelf, 4)
    searcher = shelf.searcher()
    assert searcher.search("crash", principals=None).total == 4
    with shelf.base.lease():
        shelf.remove("ABC-1")
        shelf.put("ABC-2", "restricted now", "crash", readers=frozenset({"staff"}))
        for mode in ("text", "vector", "hybrid"):
            result = searcher.search("crash", principals=frozenset(), mode=mode)  # type: ignore[arg-type]
            assert sorted(hit.key for hit in result.hits) == ["ABC-3", "ABC-4"]
            assert result.total == 2
            assert any("behind" in note for note in result.notes)
    result = searcher.search("crash", principals=None, mode="text")
    assert (result.total, result.notes) == (3, ())


def test_without_a_text_index_and_lease_a_search_says_so(shelf: Shelf) -> None:
    fill(shelf, 2)
    with shelf.base.lease():
        result = shelf.searcher().search("login", principals=None)
        assert result.total == 2  # by meaning
        assert result.notes
        assert shelf.searcher().search("", principals=None).total == 2


def test_a_follower_of_a_sync_is_seen_by_an_open_searcher(shelf: Shelf) -> None:
    fill(shelf, 2)
    searcher = shelf.searcher()
    searcher.search("login", principals=None)
    with shelf.base.lease():
        index = TextIndex(shelf.folder)
        shelf.put("ABC-9", "zeppelin")
        followed = threading.Thread(target=lambda: index.follow(shelf.base.reader()))
        followed.start()
        followed.join()
        assert searcher.search("zeppelin", principals=None, mode="text").total == 1
        index.close()


def test_a_restored_copy_of_the_knowledge_base_does_not_keep_a_newer_index(shelf: Shelf, tmp_path: Path) -> None:
    fill(shelf, 2)
    shelf.base.close()
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(shelf.folder / "kb.sqlite", copy)
    shelf.put("ABC-7", "zeppelin")
    shelf.embed()
    save(shelf)
    shelf.index()
    for name in ("text", "vectors"):
        shutil.copytree(shelf.folder / name, copy / name)
    searcher = Searcher(copy, shelf.embedder)
    assert searcher.search("zeppelin", principals=None, mode="text").total == 0
    assert searcher.search("zeppelin", principals=None, mode="vector").total == 2
    searcher.close()


def save(shelf: Shelf) -> Matrix:
    with shelf.base.lease(), shelf.base.snapshot() as connection:
        return vectorfile.update(shelf.folder, connection, shelf.embedder.dimensions)


def test_the_matrix_file_is_appended_to_and_made_anew_when_vectors_were(shelf: Shelf) -> None:
    fill(shelf, 5)
    first = save(shelf)
    names = sorted(path.name for path in (shelf.folder / "vectors").iterdir())
    shelf.put("ABC-8", "more")
    shelf.embed()
    second = save(shelf)
    assert len(second) == len(first) + 1
    assert sorted(path.name for path in (shelf.folder / "vectors").iterdir()) == names
    shelf.base.use_embedder("other")
    shelf.base.use_embedder("words-1")
    shelf.embed()
    third = save(shelf)
    assert len(third) == len(second)
    assert third.blocks[0].seq[0] > second.seq
    assert sorted(path.name for path in (shelf.folder / "vectors").iterdir()) != names


def test_what_a_killed_process_had_appended_to_the_matrix_file_does_not_count(shelf: Shelf) -> None:
    fill(shelf, 5)
    save(shelf)
    for path in (shelf.folder / "vectors").iterdir():
        if path.suffix != ".json":
            with path.open("ab") as file:
                file.write(b"\x07" * 80)
    shelf.put("ABC-8", "zeppelin")
    shelf.embed()
    matrix = save(shelf)
    stored = shelf.base.reader().execute("SELECT seq, passage, value FROM vector ORDER BY seq").fetchall()
    (block,) = matrix.blocks
    assert [*zip(block.seq.tolist(), block.passage.tolist(), map(bytes, block.values), strict=True)] == stored


def test_rows_beyond_the_file_are_read_from_the_truth(shelf: Shelf) -> None:
    fill(shelf, 5)
    save(shelf)
    searcher = shelf.searcher()
    searcher.search("login", principals=None)
    shelf.put("ABC-8", "zeppelin")
    shelf.embed()
    shelf.put("ABC-9", "airship")
    shelf.embed()
    for key, query in (("ABC-8", "zeppelin"), ("ABC-9", "airship")):
        assert searcher.search(query, principals=None, mode="vector").hits[0].key == key


def test_the_text_index_has_one_place(shelf: Shelf) -> None:
    fill(shelf, 1)
    shelf.index()
    assert sorted(path.name for path in text.text_folder(shelf.folder).iterdir()) == ["open", "restricted"]

"""Texts are found by their words in scripts without spaces, in other alphabets, and inside of German compounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Shelf

TEXTS = {
    "ABC-1": "ログイン画面が固まる",
    "ABC-2": "登录页面打开后显示错误",
    "ABC-3": "로그인이 실패했습니다",
    "ABC-4": "เข้าสู่ระบบไม่ได้",
    "ABC-5": "Ошибками при входе пользователя",
    "ABC-6": "خطأ في تسجيل المستخدم مُحَمَّد",
    "ABC-7": "Datenbankverbindungsfehler beim Speichern der Größenangabe",
    "ABC-8": "Benutzerkontenverwaltungsoberfläche",
    "ABC-9": "Reallocation of the transportation schedule",
}


def found(shelf: Shelf, query: str) -> list[str]:
    result = shelf.searcher().search(query, principals=None, mode="text")
    return sorted(hit.key for hit in result.hits)


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("画面", "ABC-1"),
        ("ログイン", "ABC-1"),
        ("错误", "ABC-2"),
        ("登录页面", "ABC-2"),
        ("로그인", "ABC-3"),
        ("ระบบ", "ABC-4"),
        ("ошибка", "ABC-5"),
        ("ПОЛЬЗОВАТЕЛЬ", "ABC-5"),
        ("مستخدم", "ABC-6"),
        ("محمد", "ABC-6"),
        ("Verbindungsfehler", "ABC-7"),
        ("fehler", "ABC-7"),
        ("Datenbank", "ABC-7"),
        ("Größe", "ABC-7"),
        ("groessen", ""),
        ("Angabe", "ABC-7"),
        ("Verwaltung", "ABC-8"),
        ("konten", "ABC-8"),
        ("location", ""),
        ("port", ""),
    ],
    ids=str,
)
def test_a_text_is_found_by_its_words(shelf: Shelf, query: str, key: str) -> None:
    for name, text in TEXTS.items():
        shelf.put(name, "", text)
    assert found(shelf, query) == ([key] if key else [])


def test_a_word_of_its_own_goes_before_one_inside_of_a_compound(shelf: Shelf) -> None:
    shelf.put("ABC-1", "Kontenverwaltungsfehler bei der Anmeldung")
    shelf.put("ABC-2", "Ein Fehler bei der Anmeldung")
    shelf.put("ABC-3", "Nichts davon")
    hits = shelf.searcher().search("Fehler", principals=None, mode="text").hits
    assert [hit.key for hit in hits] == ["ABC-2", "ABC-1"]


def test_compounds_in_restricted_text_are_found_by_its_readers_alone(shelf: Shelf) -> None:
    shelf.put("ABC-1", "", ("Die Zugangsdatenprüfung", frozenset({"group:a"})))
    shelf.put("ABC-2", "", ("Die Zugangskartenprüfung", frozenset({"group:b"})))
    for held, keys in (("a", ["ABC-1"]), ("b", ["ABC-2"]), ("c", [])):
        result = shelf.searcher().search("Prüfung", principals=frozenset({f"group:{held}"}), mode="text")
        assert [hit.key for hit in result.hits] == keys
        assert result.total == len(keys)

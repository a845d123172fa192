"""Which words does a text have, for the index and for a query alike?

Words are lowercase, without accents, lightly stemmed; an identifier counts as a whole and in its parts. What is
added to a text for that is computed here, the rest is the text index's own analyzer. Never ranks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import tantivy

_JOINED = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]++(?:[._:$-][A-Za-z0-9]++)++")
"""snake_case, java.lang.Name, ABC-123, 2.1.3. Possessive: every text is read once, whatever it holds."""
_CAMEL = re.compile(r"(?<![a-z])[a-z]++[A-Z][A-Za-z0-9]*+")
"""camelCase from its first small letters on; what stands before them is found by looking back."""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINER = re.compile(r"[._:$-]")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003134f]+"
)
"""Runs of scripts that put no space between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese; and Korean, which writes
particles onto its words."""
_GERMAN = re.compile(
    r"\b(?:auch|auf|bei|beim|[Dd](?:as|er|ie)|[Ee]ine?|f\u00fcr|im|ist|nach|nicht|oder|und|von|wenn|werden|wird|zum|zur)\b"
    r"|[\u00e4\u00f6\u00fc\u00df]"
)
"""What German texts have; other languages share some of it, so that a line is taken for German by several."""
_COMPOUND = re.compile(r"(?<![^\W_])[A-Z\u00c4\u00d6\u00dc][a-z\u00e4\u00f6\u00fc\u00df]{8,59}(?![^\W_])")
"""German writes nouns that belong together as one, with one capital."""
_LONG_COMPOUND = 22
"""So long a word with a capital is a compound, even where it stands alone."""
SHORTEST_PART = 4
_JUDGED = 2_000  # characters of a line
_FEW_WORDS = 4
_HINT_EACH = 10  # words
INSIDE = "\u3105"
"""Stands before the rest of a compound from some letter on: what begins so is found within a word. A letter that no text of
the languages meant has, since the text index keeps letters only."""
_LONGEST_WHOLE = 120
_LONGEST_WORD = 150

_COMMON = (
    "a an and are as at be but by can do for from has have how i if in into is it its me my no not of on or "
    "our so than that the their then there these they this to was we what when where which who why will with "
    "you your"
)
EMPTY_WORDS = frozenset(_COMMON.split())
"""Words that are in most texts; a query that has others is searched without these."""


LOWER_LINES = 0.2
"""How much a word tells that stands only below a query's first line. The first line of a report says what it is about,
what follows has many words that are everywhere: of 348 known duplicates 59 % instead of 52 % were in the first ten."""


def indexed_text(text: str) -> str:
    """The text and, behind it, the wholes and parts of its identifiers and the pairs of unspaced scripts."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    extra = dict.fromkeys([*_wholes(text), *_humps(text)])
    pairs = () if text.isascii() else tuple(_pairs(text))
    return " ".join((text, *extra, *pairs)) if extra or pairs else text


def compound_parts(text: str) -> str:
    """What makes German compounds found by the words in them: for the index alone, never for a query."""
    words = dict.fromkeys(word for line in text.splitlines() for word in _compounds(line))
    parts = dict.fromkeys(word[at:].lower() for word in words for at in range(len(word) - SHORTEST_PART + 1))
    return "".join(f" {INSIDE}{part}" for part in ("", *parts)) if parts else ""


def _compounds(line: str) -> list[str]:
    """The compounds of a line, if it is German."""
    words: list[str] = _COMPOUND.findall(line)
    if not words:
        return words
    hints = [hint.lower() for hint in _GERMAN.findall(line[:_JUDGED])]
    count = line[:_JUDGED].count(" ") + 1
    if count <= _FEW_WORDS:
        return words if hints else [word for word in words if len(word) >= _LONG_COMPOUND]
    return words if len(set(hints)) > 1 and len(hints) * _HINT_EACH >= count else []


def _wholes(text: str) -> Iterator[str]:
    for name in dict.fromkeys(_JOINED.findall(text)):
        if len(name) <= _LONGEST_WHOLE:
            yield _JOINER.sub("", name)


def _humps(text: str) -> Iterator[str]:
    for name in dict.fromkeys(text[_name_start(text, m.start()) : m.end()] for m in _CAMEL.finditer(text)):
        if len(name) <= _LONGEST_WHOLE:
            yield from _HUMP.split(name)


def _name_start(text: str, position: int) -> int:
    while position and "0" <= text[position - 1] <= "Z" and text[position - 1].isalnum():
        position -= 1
    return position


def _pairs(text: str) -> Iterator[str]:
    for match in _UNSPACED.finditer(text):
        run = match.group()
        yield from (run[at : at + 2] for at in range(max(len(run) - 1, 1)))


def analyzer() -> tantivy.TextAnalyzer:
    """The text index's own part: letters and digits make words; lowercase, no accents, light stems.

    A stemmer leaves the scripts of the others alone.
    """
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .filter(tantivy.Filter.stemmer("russian"))
        .filter(tantivy.Filter.stemmer("arabic"))
        .build()
    )


def query_words(words: tantivy.TextAnalyzer, query: str) -> tuple[str, ...]:
    """The query's distinct words in order of appearance, those that say nothing left out unless there are only those."""
    found = dict.fromkeys(words.analyze(indexed_text(query)))
    telling = tuple(word for word in found if word not in EMPTY_WORDS)
    return telling or tuple(found)


def weighted_words(words: tantivy.TextAnalyzer, query: str) -> dict[str, float]:
    """The query's words with how much each tells: those of its first line 1, those of the lines below it less."""
    first = frozenset(query_words(words, query.strip().partition("\n")[0]))
    return {word: 1.0 if word in first else LOWER_LINES for word in query_words(words, query)}

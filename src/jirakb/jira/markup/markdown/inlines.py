"""How is a run of inlines written as one paragraph's markdown?

Writes words and markup into one string where MARK holds the place of each piece of markup, escapes the words in one
go, then puts the markup in. A style whose delimiters CommonMark would not recognize is dropped: words come first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jirakb.jira.markup.characters import MARK, clean
from jirakb.jira.markup.markdown.escape import escape, escape_brackets, is_word, surely_opens
from jirakb.jira.markup.nodes import CodeSpan, Image, Inline, Inlines, Link, Styled, Text

BREAK = "  \n"
_AUTOLINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*")
_UNLINKABLE = re.compile(r"\s*(?:vbscript|javascript|file|data):", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_SPACE = re.compile(r"\s+")
_TICKS = re.compile("`+")
_UNSAFE = re.compile(r"[\s<>\\()]")
_BALANCED = re.compile(r"[^\s<>\\()]*+(?:\([^\s<>\\()]*+\)[^\s<>\\()]*+)*+")
_TAGS = {"underline": "u", "sub": "sub", "sup": "sup"}
_KINDS = {"strong": "*", "em": "*", "strike": "~"}
_WEIGHT = {"strong": 2, "em": 1}


@dataclass(slots=True)
class _Run:
    """A paragraph under way: words with MARKs, and the markup that the MARKs stand for.

    `before` and `behind` are the character and the markup character that precede it, where it is part of another;
    `inside` names the kinds of delimiters that are open around it.
    """

    words: list[str] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)
    before: str = " "
    behind: str = ""
    inside: frozenset[str] = frozenset()

    def mark(self, markup: str) -> None:
        if markup[0] == "`" == self.ends_in:
            self.words.append(" ")
        self.words.append(MARK)
        self.markup.append(markup)

    def absorb(self, other: _Run) -> None:
        if other.begins_with == "`" == self.ends_in:
            self.words.append(" ")
        self.words += other.words
        self.markup += other.markup

    @property
    def last(self) -> str:
        return self.words[-1][-1] if self.words else self.before

    @property
    def ends_in(self) -> str:
        """The markup character that the run ends in, "" when it ends in words."""
        if not self.words:
            return self.behind
        return self.markup[-1][-1:] if self.words[-1] == MARK else ""

    @property
    def begins_with(self) -> str:
        return self.markup[0][:1] if self.words and self.words[0] == MARK else ""


def write_inlines(inlines: Inlines, *, in_link: bool = False, in_lines: bool = False) -> str:
    """The inlines as markdown; line breaks as two spaces and a newline, no blank line, no outer white space.

    `in_lines`: these are some of several lines that a cell will join with tags, so that emphasis could span them.
    """
    edge, joint = (MARK, set("*_~")) if in_lines else (" ", set[str]())
    if len(inlines) == 1 and isinstance(inlines[0], Text):
        written = escape(_tidy(inlines[0].value), strict=joint, edge=edge)
        return _broken(escape_brackets(written) if in_link else written)
    run = _Run()
    _write(inlines, run, " ", in_link=in_link)
    words = _tidy("".join(run.words))
    strict = {markup[0] for markup in run.markup if markup and markup[0] in "*_~"}
    return _broken(_filled(escape(words, strict=strict | joint, edge=edge), run.markup, in_link=in_link))


def plain_text(inlines: Inlines) -> str:
    """The words alone."""
    return "".join(_words(inline) for inline in inlines)


def _words(inline: Inline) -> str:
    match inline:
        case Text(value) | CodeSpan(value):
            return value
        case Image():
            return inline.name
        case Link():
            return plain_text(inline.content) if inline.content else inline.url
        case Styled():
            return plain_text(inline.content)


def _tidy(text: str) -> str:
    """Each line without outer white space, no empty lines."""
    text = text.strip()
    if "\n" not in text:
        return text
    return "\n".join(line for line in map(str.strip, text.split("\n")) if line)


def _broken(text: str) -> str:
    return text.replace("\n", BREAK) if "\n" in text else text


def _filled(words: str, markup: list[str], *, in_link: bool) -> str:
    """The escaped words with the markup in place of the MARKs."""
    pieces = words.split(MARK)
    if in_link:
        pieces = [escape_brackets(piece) for piece in pieces]
    out = [pieces[0]]
    for piece, mark in zip(pieces[1:], markup, strict=True):
        if mark.startswith("[") and out[-1].endswith("!"):
            out[-1] = out[-1][:-1] + "\\!"
        if mark.startswith("<http"):
            out[-1], piece = _apart(out[-1]), _apart(piece[::-1])[::-1]
        out += (mark, piece)
    return "".join(out)


def _apart(words: str) -> str:
    """Words that do not run into an address: a reader must see where it begins and ends."""
    return words + " " if words and is_word(words[-1]) else words


def _write(inlines: Inlines, run: _Run, after: str, *, in_link: bool) -> None:
    """Append each inline; `after` is the character that follows them all."""
    for position, inline in enumerate(inlines):
        match inline:
            case Text(value):
                if value:
                    run.words.append(value)
            case CodeSpan(value):
                _mark(run, code_span(value))
            case Image():
                _mark(run, f"![{_label(inline.name)}]({_destination(inline.url)})")
            case Link():
                _write_link(inline, run, in_link=in_link)
            case Styled():
                following = _first(inlines, position + 1) or after
                _write_styled(inline, run, following, in_link=in_link)


def _mark(run: _Run, markup: str) -> None:
    if markup:
        run.mark(markup)


def _first(inlines: Inlines, position: int) -> str:
    """The first character that a reader will meet from this position on."""
    while position < len(inlines):
        inline = inlines[position]
        match inline:
            case Text(value) if value:
                return value[0]
            case Styled():
                if inline.style in _TAGS:
                    return MARK
                if first := _first(inline.content, 0):
                    return first
            case CodeSpan() | Image() | Link():
                return MARK
        position += 1
    return ""


def code_span(value: str) -> str:
    """The value between as many backticks as it needs."""
    value = value.replace("\n", " ")
    if not value.strip():
        return ""
    longest = max(map(len, _TICKS.findall(value)), default=0)
    fence = "`" * (longest + 1) if longest else "`"
    padded = (value[0] in "` " and value[-1] in "` ") or value[0] == "`" or value[-1] == "`"
    return f"{fence} {value} {fence}" if padded else f"{fence}{value}{fence}"


def _write_link(link: Link, run: _Run, *, in_link: bool) -> None:
    url = clean(link.url).strip()
    label = plain_text(link.content).strip()
    if link.content and not label:
        run.words.append(" ")
        return
    if in_link or not url or _UNLINKABLE.match(url):
        _write(link.content or (Text(url),), run, " ", in_link=in_link)
        if label and url and label != url and not in_link:
            run.words.append(f" ({url})")
        return
    if url in (label or url, "mailto:" + label) and (short := _autolink(label or url, url)):
        run.mark(short)
        return
    title = f' "{_title(link.title)}"' if link.title.strip() else ""
    inner = write_inlines(link.content or (Text(url),), in_link=True).replace(BREAK, " ")
    run.mark(f"[{inner}]({_destination(url)}{title})")


def _autolink(label: str, url: str) -> str:
    """The short form, where it reads back as the same address and the same words."""
    if url.startswith("mailto:"):
        mail = label.removeprefix("mailto:")
        return f"<{mail}>" if _MAIL.fullmatch(mail) and url == "mailto:" + label else ""
    return f"<{url}>" if _AUTOLINK.fullmatch(url) else ""


def _title(title: str) -> str:
    return escape(_SPACE.sub(" ", clean(title)).strip()).replace('"', '\\"')


def _label(name: str) -> str:
    return escape_brackets(
        escape(
            _SPACE.sub(" ", clean(name)).strip(),
        )
    )


def _destination(url: str) -> str:
    """A URL as it stands in parentheses: what would end it or be read as markup is percent-encoded."""
    url = clean(url).strip()
    if not _BALANCED.fullmatch(url):
        url = _UNSAFE.sub(_percent, url)
    return url.replace("&", "&amp;") if ";" in url else url


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found.group().encode())


def _write_styled(styled: Styled, run: _Run, after: str, *, in_link: bool) -> None:
    """A style around its words; white space at their edges stays outside."""
    tagged = styled.style in _TAGS
    inside = run.inside if tagged else run.inside | {_KINDS[styled.style]}
    inner = _Run(before=MARK if tagged else run.last, behind="" if tagged else run.ends_in, inside=inside)
    _write(styled.content, inner, MARK if tagged else after, in_link=in_link)
    lead, trail = _trim(inner)
    run.words += [lead] if lead else []
    delimiter = _delimiter(styled.style, run, inner, trail[:1] or after)
    if delimiter:
        run.mark(delimiter)
        run.absorb(inner)
        run.mark(delimiter.replace("<", "</"))
    else:
        run.absorb(inner)
    run.words += [trail] if trail else []


def _trim(run: _Run) -> tuple[str, str]:
    """Take the white space off both ends of a run; the two pieces."""
    start, end = 0, len(run.words)
    while start < end and run.words[start].isspace():
        start += 1
    while end > start and run.words[end - 1].isspace():
        end -= 1
    lead, trail = "".join(run.words[:start]), "".join(run.words[end:])
    run.words = run.words[start:end]
    if not run.words:
        return lead, trail
    first = run.words[0].lstrip()
    lead += run.words[0][: len(run.words[0]) - len(first)]
    run.words[0] = first
    last = run.words[-1].rstrip()
    trail = run.words[-1][len(last) :] + trail
    run.words[-1] = last
    return lead, trail


def _delimiter(style: str, run: _Run, inner: _Run, after: str) -> str:
    """What to write on both sides of a style here; "" where nothing would be understood."""
    if not inner.words:
        return ""
    if style in _TAGS:
        return f"<{_TAGS[style]}>"
    before = run.last
    first, last = inner.words[0][0], inner.words[-1][-1]
    if not (surely_opens(before, first) and surely_opens(after, last)):
        return ""
    if _KINDS[style] in run.inside and not (is_word(first) and is_word(last)):
        return ""  # between punctuation marks a delimiter both opens and closes: it could close the style around it
    amid_words = is_word(before) or is_word(after)
    taken = {run.ends_in, inner.begins_with, inner.ends_in}
    if style == "strike":
        return "" if "~" in taken or "~" in (before, first, last, after) else "~~"
    if run.ends_in != "*" and not ("*" in taken and amid_words):
        return "*" * _WEIGHT[style]
    return "" if "_" in taken or amid_words else "_" * _WEIGHT[style]

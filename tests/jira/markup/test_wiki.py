"""Wiki markup, construct by construct: what goes in and what a reader gets."""

from __future__ import annotations

import pytest

from jirakb.jira.markup import MarkupContext, wiki_to_markdown

CONTEXT = MarkupContext(
    users={"jsmith": "Jane Smith", "557058:ab-1": "Ada Byron"},
    attachments={"shot 1.png": "https://x.test/a/1/shot%201.png", "trace.log": "https://x.test/a/2/trace.log"},
    base_url="https://x.test/",
)


def convert(text: str) -> str:
    return wiki_to_markdown(text, CONTEXT)


@pytest.mark.parametrize(
    ("wiki", "markdown"),
    [
        ("plain words, nothing else.", "plain words, nothing else."),
        ("one\r\ntwo\r\n\r\nthree", "one  \ntwo\n\nthree"),
        ("h1. Steps\nfirst", "# Steps\n\nfirst"),
        ("  h3.   Deep *bold*", "### Deep **bold**"),
        ("h7. no heading", "h7. no heading"),
        ("bq. said so", "> said so"),
        ("----", "---"),
        ("a\\\\b", "a  \nb"),
        ("*b* _i_ -s- +u+ ^p^ ~q~", "**b** *i* ~~s~~ <u>u</u> <sup>p</sup> <sub>q</sub>"),
        ("??Homer??", "*— Homer*"),
        ("*_both_*", "***both***"),
        ("x{*}mid{*}y", "x**mid**y"),
        ("{{a_b}} and {{ {x} }} and {{f({})}}", "`a_b` and `{x}` and `f({})`"),
        ("* a\n** b\n*# c\n* d", "- a\n  - b\n  1. c\n- d"),
        ("# one\n# two\nmore of two", "1. one\n2. two  \n   more of two"),
        (" - dash\n - dash", "- dash\n- dash"),
        ("||a||b||\n|1|2|", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("|1|x \\| y|", "|  |  |\n| --- | --- |\n| 1 | x \\| y |"),
        ("||k|v|\n|[t|http://h/p]|{{a|b}}|", "| k | v |\n| --- | --- |\n| [t](http://h/p) | `a\\|b` |"),
        ("|a\nb|c|", "|  |  |\n| --- | --- |\n| a<br>b | c |"),
        ("[text|http://h/p]", "[text](http://h/p)"),
        ("[text|http://h/p|smart-link]", "[text](http://h/p)"),
        ("[http://h/p]", "<http://h/p>"),
        ("[mailto:a@b.test]", "<a@b.test>"),
        ("see http://h/a_b_c, please", "see <http://h/a_b_c>, please"),
        ("http://h/p|smart-link", "<http://h/p>"),
        ("[wiki|/browse/A-1]", "[wiki](https://x.test/browse/A-1)"),
        ("[~jsmith], [~accountid:557058:ab-1], [~nobody]", "@Jane Smith, @Ada Byron, @nobody"),
        ("!shot 1.png|width=300,thumbnail!", "![shot 1.png](https://x.test/a/1/shot%201.png)"),
        ("!gone.png!", "gone.png"),
        ('!shot 1.png|width=300,alt="A valve"!', "![A valve](https://x.test/a/1/shot%201.png)"),
        ("!gone.png|title=A valve!", "gone.png (A valve)"),
        ("[^trace.log] [^other.log]", "[trace.log](https://x.test/a/2/trace.log) other.log"),
        ("{color:red}hot{color} {color:#fff}cold{color}", "hot cold"),
        ("{anchor:top}here", "here"),
        ("(/) done (x) failed f(x)", "✅ done ❌ failed f(x)"),
        ("{quote}\na\n\nb\n{quote}", "> a\n>\n> b"),
        ("{panel:title=My box|bgColor=#fff}\nin\n{panel}", "> **My box**\n>\n> in"),
        ("{warning}hot{warning}", "> **Warning:**\n>\n> hot"),
        ("{expand:More}\nin\n{expand}", "**More**\n\nin"),
        ("{noformat}\n  *as* is\n{noformat}", "```\n  *as* is\n```"),
        ("{code:java|title=Foo.java}\nint a;\n{code}", "**Foo.java**\n\n```java\nint a;\n```"),
        ("{code:title=Foo.java}\n{code}\nend", "**Foo.java**\n\nend"),
        ("|{panel:title=My box}in{panel}|", "|  |\n| --- |\n| **My box** in |"),
        ("{code}a ``` b\n{code}", "````\na ``` b\n````"),
        ("run {noformat}a *b*{noformat} now", "run `a *b*` now"),
        ("# do\n{code}\nx\n{code}\n# next", "1. do\n\n   ```\n   x\n   ```\n\n2. next"),
        ("|{code}\na\nb\n{code}|z|", "|  |  |\n| --- | --- |\n| `a`<br>`b` | z |"),
        ("\\{code} \\[x] \\*y*", "{code} [x] \\*y*"),
    ],
)
def test_each_construct_has_its_markdown(wiki: str, markdown: str) -> None:
    assert convert(wiki) == markdown


@pytest.mark.parametrize(
    "text",
    [
        "TiUI_Window_Proxy and foo*bar and a * b",
        "#123 and C# and issue [tag] or [1, 2]",
        "{variable} in prose, ${HOME}, {'a': {'b': 1}}",
        "{note} once is a word, so is {info}",
        "C:\\Users\\me and /usr/local/_build/x-y.log",
        "if (!a && !b) { a[i] = b || c; }",
        "-v --port=80 -a b - c",
        "5 < 6 > 4 & 3; x = y",
        "2011-05-06 10:00:00 +0200 ~5 min",
        "日本語の*文字と_下線_です 🎉",
        "@jane: why? [WARN] no",
    ],
)
def test_what_is_no_markup_stays_to_the_letter(text: str) -> None:
    assert wiki_to_markdown(text) == text


@pytest.mark.parametrize(
    ("wiki", "markdown"),
    [
        ("List<String> x", "List\\<String> x"),
        ("__init__ and *args, **kwargs", "\\_\\_init__ and *args, **kwargs"),
        ("1. first\n2. second", "1\\. first  \n2\\. second"),
        ("a\n=====\nb", "a  \n\\=====  \nb"),
        ("> cited", "\\> cited"),
        ("&amp; stays", "\\&amp; stays"),
        ("[a](b)", "[a\\](b)"),
    ],
)
def test_what_commonmark_would_misread_is_escaped(wiki: str, markdown: str) -> None:
    assert wiki_to_markdown(wiki) == markdown


@pytest.mark.parametrize(
    ("wiki", "markdown"),
    [
        ("use the {code} tags", "use the {code} tags"),
        ("before\n{code}\nx = *1*", "before\n\n```\nx = *1*\n```"),
        ("a\n{code}\n\nb\n{code:js}\nc\n{code}", "a\n\nb\n\n```js\nc\n```"),
        ("{code:title=A}\n{code:title=B}\nb\n{code}", "**A**\n\n**B**\n\n```\nb\n```"),
        ("{quote}\nnever closed *b*", "never closed **b**"),
        ("{color:red}never closed", "never closed"),
        ("tail {panel}", "tail"),
        ("{unknown:x}text{unknown}", "{unknown:x}text{unknown}"),
        ("{{never closed", "{{never closed"),
        ("[never|http://closed", "[never|<http://closed>"),
        ("*never closed", "*never closed"),
    ],
)
def test_an_unbalanced_macro_keeps_its_words(wiki: str, markdown: str) -> None:
    assert wiki_to_markdown(wiki) == markdown


def test_html_in_its_macro_becomes_markdown() -> None:
    wiki = '{html}<div><p>See <a href="http://h/p">the\npage</a> &amp; run:</p><pre><code>a &lt; b\n  c</code></pre><ul><li>x</li></ul></div>{html}'
    assert wiki_to_markdown(wiki) == "See [the page](http://h/p) & run:\n\n```\na < b\n  c\n```\n\n- x"


def test_unknown_tags_in_html_are_words() -> None:
    assert wiki_to_markdown("{html}<p>your <name> here</p>{html}") == "your \\<name> here"


def test_headings_are_shifted_on_demand() -> None:
    assert wiki_to_markdown("h1. a\nh6. b", MarkupContext(heading_shift=2)) == "### a\n\n###### b"

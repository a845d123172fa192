"""What parses, and in which words Jira refuses what does not."""

import json
import os
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from jirakb.simulator.jql import JqlError, parse
from jirakb.simulator.jql.syntax import And, Call, Clause, Empty, Field, Many, Not, Or, Sort, Value

SHARED = Path(os.environ.get("JIRAKB_SHARED", Path(__file__).parents[2] / ".." / "shared"))
OBSERVED = SHARED / "fixtures" / "cloud-observed"


def refusal(text: str) -> str:
    with pytest.raises(JqlError) as caught:
        parse(text)
    (message,) = caught.value.messages
    return message.removeprefix("Error in the JQL Query: ").removeprefix("Error in JQL Query: ")


def clause(text: str) -> Clause:
    where = parse(text).where
    assert isinstance(where, Clause)
    return where


@pytest.mark.parametrize("name", [
    "jql_and_or_expected", "jql_expecting_field", "jql_parenthesis_unclosed", "jql_quote_unclosed",
    "jql_value_missing", "jql_value_unexpected",
])  # fmt: skip
def test_a_recorded_syntax_error_has_the_same_words(name: str) -> None:
    file = OBSERVED / f"{name}.json"
    if not file.exists():
        pytest.skip("the recorded answers are not there")
    recorded = json.loads(file.read_text(encoding="utf-8"))
    jql = parse_qs(urlsplit(recorded["request"]["url"]).query)["jql"][0]
    with pytest.raises(JqlError) as caught:
        parse(jql)
    assert caught.value.messages == recorded["response"]["body"]["errorMessages"]


@pytest.mark.parametrize(("text", "message"), [
    ("comment ~ 'test", "The quoted string 'test' has not been completed. (line 1, character 11)"),
    ('priority="test\nword', "The quoted string 'test word' has not been completed. (line 1, character 10)"),
    ("comment ~ '", "The quoted string has not been completed. (line 1, character 11)"),
    ("a = b and\n\nc = 'x", "The quoted string 'x' has not been completed. (line 3, character 5)"),
    ("minewww = qwwr}", ("The character '}' is a reserved JQL character. You must enclose it in a string or use the "
     "escape '\\u007d' instead. (line 1, character 15)")),
    ("x = \x7f", ("The character 'U+007F' on line 1 at position 5 must be escaped. Use the escape '\\u007f' instead. "
     "(line 1, character 5)")),
    ('x = "\x7f this"', ("The character 'U+007F' on line 1 at position 6 must be escaped. Use the escape '\\u007f' "
     "instead. (line 1, character 6)")),
    ("a=-3482094382084092840932809482", ("'-3482094382084092840932809482' is not a valid number. Numbers must be between "
     "-9,223,372,036,854,775,808 and 9,223,372,036,854,775,807. (line 1, character 3)")),
    ("a =b order", "Expecting 'by' before the end of the query."),
    ("a =b order summary", "Expecting 'by' but got 'summary'. (line 1, character 12)"),
    ("a =b order by", "Expecting a field name at the end of the query."),
    ("a =b order by asc", ("Expecting a field name but got 'asc'. You must surround 'asc' in quotation marks to use it "
     "as a field name. (line 1, character 15)")),
    ("a =b order by ajsks blah", "Expecting either 'ASC' or 'DESC' but got 'blah'. (line 1, character 21)"),
    ("order by a desc d", "Expecting ',' but got 'd'. (line 1, character 17)"),
    ('a =b order by "" desc', "A field name cannot be empty. (line 1, character 15)"),
    ("a = ''()", "A function name cannot be empty. (line 1, character 5)"),
    ("a = b and c", ("Expecting operator before the end of the query. The valid operators are '=', '!=', '<', '>', "
     "'<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'.")),
    ("a blah >", ("Expecting operator but got 'blah'. The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', "
     "'!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'. (line 1, character 3)")),
    ("a =a and j not is empty", "Expecting 'IN' but got 'is'. (line 1, character 16)"),
    ("a =a and j is ! empty", "Expecting 'NOT' but got '!'. (line 1, character 15)"),
    ("cf", "Expecting '[' before the end of the query."),
    ("cf[] = 1", "Expecting a custom field id (a positive number) but got ']'. (line 1, character 4)"),
    ("cf[-29829] = ", "Expecting a custom field id (a positive number) but got '-29829'. (line 1, character 4)"),
    ("cf[29829 = world", "Expecting ']' but got '='. (line 1, character 10)"),
    ("[brenden] = a", "Expecting a field name but got '['. Did you mean 'cf['? (line 1, character 1)"),
    ("a = func(", "Expecting ')' before the end of the query."),
    ("a = func(, and not (a = x)", "Expecting ')' but got ','. (line 1, character 10)"),
    ("bas=func(bad,)", "Function argument must be specified. (line 1, character 14)"),
    ("bas=func(bad,", "Expecting a function argument at the end of the query."),
    ("k = func(!", ("Expecting a function argument but got '!'. You must surround '!' in quotation marks to use it as "
     "an argument. (line 1, character 10)")),
    ("k = func(abc, jk!)", "Expecting ')' or ',' but got '!'. (line 1, character 17)"),
    ("abc IN ((foo) abc = a", "Expecting ')' but got 'abc'. (line 1, character 15)"),
    ("(a = b order by c)", "Expecting ')' but got 'order'. (line 1, character 8)"),
    ("a=(a,", "Expecting either a value, list or function before the end of the query."),
    ("summary ~ limit", ("'limit' is a reserved JQL word. You must surround it in quotation marks to use it in a query. "
     "(line 1, character 11)")),
    ("project = and", ("Expecting either a value, list or function but got 'and'. You must surround 'and' in quotation "
     "marks to use it as a value. (line 1, character 11)")),
])  # fmt: skip
def test_a_text_that_is_no_query_is_refused_in_jiras_words(text: str, message: str) -> None:
    assert refusal(text) == message


def test_an_unknown_escape_is_shown_as_far_as_it_goes() -> None:
    assert refusal("comme\\unt ~ x").startswith("'\\un' is an illegal JQL escape sequence. The valid escape")
    assert refusal("a \\!= b").endswith("(line 1, character 3)")
    assert refusal("a = 'x\\").startswith("The escape sequence has not been completed.")


def test_quotes_and_escapes_spell_any_text() -> None:
    assert clause(r'''summary ~ "it\'s \"so\" \\ \u00e9\n"''').operand == Value('it\'s "so" \\ \u00e9\n')
    assert clause("summary ~ 'a \"b\"'").operand == Value('a "b"')
    assert clause(r"summary ~ smile\ud83d\ude00").operand == Value("smile\U0001f600")


def test_keywords_in_any_case_and_symbols_join_clauses() -> None:
    a, b, c = (Clause(Field(name), "=", Value("1", 1)) for name in "abc")
    assert parse("a = 1 AND b = 1 oR c = 1").where == Or((And((a, b)), c))
    assert parse("a=1&&b=1||c=1").where == Or((And((a, b)), c))
    assert parse("!(a=1 | b=1) and Not not c=1").where == And((Not(Or((a, b))), c))


def test_operands_are_values_lists_functions_and_empty() -> None:
    assert clause("a in (1, x, NULL, f(p, -2d), (y))").operand == Many(
        (Value("1", 1), Value("x"), Empty("NULL"), Call("f", ("p", "-2d")), Value("y"))
    )
    assert clause('a = "10"').operand == Value("10")
    assert clause("a not in (b)").operator == "not in"
    assert clause("a is not null").operator == "is not"
    assert clause("a was not in (b) by c before -1d").predicates == (("by", Value("c")), ("before", Value("-1d")))
    assert clause("status changed from a to b").operator == "changed"
    assert clause("cf[10010] = 3").field == Field("cf[10010]", 10010)
    assert clause('"Story Points" > 3').field == Field("Story Points")


def test_order_by_may_stand_alone_and_leaves_a_query_unbounded() -> None:
    query = parse("ORDER BY updated ASC, key, Rank desc")
    assert query.order == (Sort(Field("updated"), "asc"), Sort(Field("key")), Sort(Field("Rank"), "desc"))
    assert not query.bounded
    assert not parse("  ").bounded
    assert parse("project = X order by key").bounded


def test_a_deeply_nested_query_is_an_error_and_no_crash() -> None:
    deep = 10_000
    for text in ("(" * deep + "a = 1" + ")" * deep, "a in " + "(" * deep, "(" * deep):
        with pytest.raises(JqlError):
            parse(text)
    assert isinstance(parse("not " * (deep + 1) + "a = 1").where, Not)
    assert parse("(" * 90 + "a = 1" + ")" * 90).where is not None


def test_a_long_list_of_ids_parses_in_no_time() -> None:
    text = f"id in ({', '.join(str(10_000 + n) for n in range(1_500))})"
    assert len(text) > 10_000
    best = min(timed(text) for _ in range(3))
    assert best < 0.2


def timed(text: str) -> float:
    started = time.thread_time()  # a busy machine counts for nothing
    parse(text)
    return time.thread_time() - started

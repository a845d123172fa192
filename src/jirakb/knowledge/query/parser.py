"""How do the words of a query hang together? Recursive descent over its tokens; never knows which fields there are."""

from __future__ import annotations

from collections.abc import Callable

from jirakb.errors import UsageError
from jirakb.knowledge.query.lexer import Token, mistake, tokenize
from jirakb.knowledge.query.syntax import (
    About,
    And,
    Call,
    Clause,
    Comparison,
    Empty,
    Negation,
    Operand,
    Operator,
    Or,
    Ordering,
    Query,
    Word,
)

DEEPEST = 50
"""Parentheses and NOTs may stand so deep within each other."""
MOST_CLAUSES = 1_000
MOST_VALUES = 10_000
_SIGNS: dict[str, Operator] = {
    "=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "~": "~", "!~": "!~",
}  # fmt: skip
_HISTORY = frozenset({"was", "changed"})
_RESERVED = frozenset({"and", "or", "not", "in", "is", "order", "by", "asc", "desc", "about"}) | _HISTORY
_EMPTY = frozenset({"empty", "null"})


def parse(query: str) -> Query:
    """The query in parts; raises UsageError that shows the character at which it cannot be read."""
    return _Parser(query).query()


def parse_order(text: str) -> tuple[Ordering, ...]:
    """What stands behind ORDER BY; raises UsageError."""
    parser = _Parser(text)
    order = parser.ordering()
    parser.expect_end()
    return order


def begins_like_a_query(query: str) -> bool:
    """Whether the first word is followed by an operator, so that it may be a query rather than plain words."""
    try:
        tokens = tokenize(query)
    except UsageError:
        return False
    first, second, third, *_ = (*tokens, tokens[-1], tokens[-1])
    if first.kind not in ("word", "quoted") or first.word in _RESERVED:
        return False
    if second.kind == "sign":
        return second.text in _SIGNS
    return second.word in ("in", "is") or (second.word == "not" and third.word == "in") or second.word in _HISTORY


class _Parser:
    """The tokens of one query and how far they were read."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = tokenize(query)
        self._position = 0
        self._clauses = 0
        self._depth = 0

    def query(self) -> Query:
        clause = None if self._next.kind == "end" or self._next.word == "order" else self._either()
        order: tuple[Ordering, ...] = ()
        if self._take("order"):
            if not self._take("by"):
                raise self._wrong("expected BY behind ORDER")
            order = self.ordering()
        self.expect_end()
        return Query(clause, order)

    def expect_end(self) -> None:
        if self._next.kind != "end":
            raise self._wrong(
                "expected AND, OR, ORDER BY or the end" if self._clauses else "expected a comma or the end"
            )

    def ordering(self) -> tuple[Ordering, ...]:
        order = [self._ordering()]
        while self._take(","):
            order.append(self._ordering())
        return tuple(order)

    def _ordering(self) -> Ordering:
        field = self._value("a field to order by")
        if self._take("asc"):
            return Ordering(field, descending=False)
        return Ordering(field, descending=True if self._take("desc") else None)

    # Clauses

    def _either(self) -> Clause:
        return self._joined(self._every, ("or", "||", "|"), Or)

    def _every(self) -> Clause:
        return self._joined(self._negated, ("and", "&&", "&"), And)

    def _joined(self, part: Callable[[], Clause], words: tuple[str, ...], kind: type[And] | type[Or]) -> Clause:
        clauses = [part()]
        while any(self._take(word) for word in words):
            clauses.append(part())
        return clauses[0] if len(clauses) == 1 else kind(tuple(clauses))

    def _negated(self) -> Clause:
        negations = 0
        while self._take("not") or self._take("!"):
            negations += 1
        clause = self._primary()
        return Negation(clause) if negations % 2 else clause

    def _primary(self) -> Clause:
        opening = self._next
        if self._take("("):
            self._depth += 1
            if self._depth > DEEPEST:
                raise self._wrong(f"parentheses stand more than {DEEPEST} deep within each other", opening)
            clause = self._either()
            if not self._take(")"):
                raise self._wrong("expected AND, OR or a closing parenthesis")
            self._depth -= 1
            return clause
        self._clauses += 1
        if self._clauses > MOST_CLAUSES:
            raise self._wrong(f"the query has more than {MOST_CLAUSES:,} conditions", opening)
        if self._next.word == "about":
            return self._about()
        return self._comparison()

    def _about(self) -> Clause:
        self._take("about")
        self._take("~")
        return About(self._value('the text to rank by, as in about "login times out"'))

    def _comparison(self) -> Comparison:
        field = self._value("a field")
        at = self._next.at
        operator = self._operator()
        return Comparison(field, operator, self._operands(operator), at)

    def _operator(self) -> Operator:
        token = self._next
        if token.kind == "sign" and token.text in _SIGNS:
            self._position += 1
            return _SIGNS[token.text]
        if self._take("in"):
            return "in"
        if self._take("is"):
            return "is not" if self._take("not") else "is"
        if self._take("not"):
            if self._take("in"):
                return "not in"
            raise self._wrong("expected IN behind NOT")
        if token.word in _HISTORY:
            raise self._wrong(f"{token.text.upper()} asks for the past of an issue, which is not kept", token)
        raise self._wrong("expected an operator (= != ~ !~ < <= > >= in, not in, is, is not)")

    # Operands

    def _operands(self, operator: Operator) -> tuple[Operand, ...]:
        if operator in ("is", "is not"):
            return (self._empty(),)
        if operator not in ("in", "not in"):
            return (self._operand(),)
        if not self._take("("):
            raise self._wrong("expected a list in parentheses")
        operands = [self._operand()]
        while self._take(","):
            operands.append(self._operand())
            if len(operands) > MOST_VALUES:
                raise self._wrong(f"the list has more than {MOST_VALUES:,} values")
        if not self._take(")"):
            raise self._wrong("expected a comma or a closing parenthesis")
        return tuple(operands)

    def _empty(self) -> Empty:
        token = self._next
        if token.word not in _EMPTY:
            raise self._wrong("expected EMPTY behind IS")
        self._position += 1
        return Empty(token.at)

    def _operand(self) -> Operand:
        if self._next.word in _EMPTY:
            return self._empty()
        value = self._value("a value")
        if value.is_quoted or not self._take("("):
            return value
        return Call(value.text, self._arguments(), value.at)

    def _arguments(self) -> tuple[Word, ...]:
        arguments: list[Word] = []
        while not self._take(")"):
            if arguments and not self._take(","):
                raise self._wrong("expected a comma or a closing parenthesis")
            arguments.append(self._value("an argument"))
        return tuple(arguments)

    def _value(self, what: str) -> Word:
        token = self._next
        if token.kind not in ("word", "quoted"):
            raise self._wrong(f"expected {what}")
        if token.word in _RESERVED:
            raise self._wrong(f"expected {what}; {token.text!r} is a word of the language, put it in quotation marks")
        self._position += 1
        return Word(token.text, token.at, token.kind == "quoted")

    # Tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._position]

    def _take(self, text: str) -> bool:
        """Go past the next token if it is this sign or (unquoted) word."""
        token = self._next
        is_it = token.text == text if token.kind == "sign" else token.word == text
        self._position += is_it
        return is_it and token.kind != "end"

    def _wrong(self, what: str, token: Token | None = None) -> UsageError:
        token = token or self._next
        found = "" if token is not self._next or not what.startswith("expected") else f", but {token}"
        return mistake(self._query, token.at, what + found)

"""Which query does a text spell? Jira's grammar, and Jira's words for what is none. Never knows fields or values."""

from dataclasses import replace

from jirakb.simulator.jql.lexer import KEYWORDS, RESERVED, Text, Token, tokens
from jirakb.simulator.jql.messages import OPERATORS, TOO_DEEP, JqlError, syntax_error
from jirakb.simulator.jql.syntax import (
    And,
    Call,
    Clause,
    Condition,
    Empty,
    Field,
    Many,
    Not,
    Operand,
    Operator,
    Or,
    Query,
    Sort,
    Value,
    operands,
)

# Jira gives up on its own stack somewhere beyond; ours must not be exhausted by a hostile query.
MAX_DEPTH = 100
_SYMBOLS: dict[str, Operator] = {
    "=": "=", "!=": "!=", "~": "~", "!~": "!~", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
}  # fmt: skip
_HISTORY: frozenset[Operator] = frozenset({"was", "was not", "was in", "was not in", "changed"})
_PREDICATES = frozenset({"after", "before", "by", "during", "on", "from", "to"})
_AND = frozenset({"and", "&&", "&"})
_OR = frozenset({"or", "||", "|"})
_NOT = frozenset({"not", "!"})
_NAMES = frozenset({"word", "quoted", "number"})


def parse(text: str) -> Query:
    """Parse a query; raises JqlError with Jira's message and place."""
    parser = _Parser(text)
    try:
        query = parser.query()
    except JqlError as refusal:
        if not parser.is_plain_words():
            raise
        return Query(None, words=text.strip(), refusal=refusal)
    return replace(query, words=text.strip()) if parser.is_words() else query


class _Parser:
    """Reads tokens from left to right; every method leaves `at` behind what it has read."""

    def __init__(self, text: str) -> None:
        self.text = Text(text)
        self.tokens = tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def is_words(self) -> bool:
        return len(self.tokens) > 1 and all(token.kind in ("word", "number") for token in self.tokens[:-1])

    def is_plain_words(self) -> bool:
        return self.is_words() and not any(token.keyword in KEYWORDS for token in self.tokens)

    def advance(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def accept(self, keywords: frozenset[str]) -> bool:
        if self.token.keyword not in keywords:
            return False
        self.at += 1
        return True

    def expect(self, keyword: str, shown: str) -> None:
        if not self.accept(frozenset({keyword})):
            raise self.refusal(f"Expecting {shown}")

    def refusal(self, expecting: str, hint: str = "") -> JqlError:
        """Say what was expected and what came instead; `hint` may hold {got}."""
        token = self.token
        if token.kind == "bad":
            return self.text.explain(token)
        if token.kind == "end":
            return syntax_error(f"{expecting} before the end of the query.")
        return self.text.error(f"{expecting} but got '{token.text}'.{hint.format(got=token.text)}", token.start)

    def name_refusal(self, expecting: str, use: str) -> JqlError:
        """Say that a name was expected where none may stand."""
        token = self.token
        if token.keyword in RESERVED:
            hint = "You must surround it in quotation marks to use it in a query."
            return self.text.error(f"'{token.text}' is a reserved JQL word. {hint}", token.start)
        return self.refusal(expecting, f" You must surround '{{got}}' in quotation marks to use it as {use}.")

    def is_name(self) -> bool:
        token = self.token
        return token.kind in _NAMES and token.keyword not in KEYWORDS and token.keyword not in RESERVED

    def query(self) -> Query:
        where = None if self.token.keyword == "order" or self.token.kind == "end" else self.condition()
        order = self.order() if self.token.keyword == "order" else ()
        if self.token.kind != "end":
            raise self.refusal("Expecting either 'OR' or 'AND'")
        return Query(where, order)

    def condition(self) -> Condition:
        parts = [self.conjunction()]
        while self.accept(_OR):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def conjunction(self) -> Condition:
        parts = [self.negation()]
        while self.accept(_AND):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negation(self) -> Condition:
        negated = False
        while self.accept(_NOT):
            negated = not negated
        part = self.group() if self.token.keyword == "(" else self.clause()
        return Not(part) if negated else part

    def group(self) -> Condition:
        self.descend()
        inner = self.condition()
        self.expect(")", "')'")
        self.depth -= 1
        return inner

    def descend(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.text.error(TOO_DEEP, self.token.start)
        self.at += 1

    def clause(self) -> Clause:
        field = self.field()
        operator = self.operator()
        operand = Empty() if operator == "changed" else self.operand()
        return Clause(field, operator, operand, self.predicates() if operator in _HISTORY else ())

    def field(self) -> Field:
        token = self.token
        if token.keyword == "cf":
            return self.custom_field()
        if not self.is_name():
            raise self.field_refusal()
        if not token.text:
            raise self.text.error("A field name cannot be empty.", token.start)
        return Field(self.advance().text)

    def field_refusal(self) -> JqlError:
        token = self.token
        if token.kind == "end":
            return syntax_error("Expecting a field name at the end of the query.")
        if token.keyword == "[":
            return self.text.error("Expecting a field name but got '['. Did you mean 'cf['?", token.start)
        return self.name_refusal("Expecting a field name", "a field name")

    def custom_field(self) -> Field:
        self.at += 1
        self.expect("[", "'['")
        token = self.token
        if token.kind != "number" or token.text.startswith("-"):
            raise self.refusal("Expecting a custom field id (a positive number)")
        number = self.number()
        self.expect("]", "']'")
        return Field(f"cf[{number}]", number)

    def operator(self) -> Operator:
        keyword = self.token.keyword
        if keyword in _SYMBOLS:
            self.at += 1
            return _SYMBOLS[keyword]
        match keyword:
            case "in":
                self.at += 1
                return "in"
            case "not":
                self.at += 1
                self.expect("in", "'IN'")
                return "not in"
            case "is":
                return self.emptiness()
            case "was":
                return self.history()
            case "changed":
                self.at += 1
                return "changed"
        if self.token.kind == "end":
            raise syntax_error(f"Expecting operator before the end of the query. {OPERATORS}")
        raise self.refusal("Expecting operator", f" {OPERATORS}")

    def emptiness(self) -> Operator:
        self.at += 1
        if self.token.keyword == "!":
            raise self.refusal("Expecting 'NOT'")
        return "is not" if self.accept(frozenset({"not"})) else "is"

    def history(self) -> Operator:
        self.at += 1
        negated = self.accept(frozenset({"not"}))
        listed = self.accept(frozenset({"in"}))
        if listed:
            return "was not in" if negated else "was in"
        return "was not" if negated else "was"

    def predicates(self) -> tuple[tuple[str, Operand], ...]:
        found: list[tuple[str, Operand]] = []
        while self.token.keyword in _PREDICATES:
            name = self.advance().keyword
            found.append((name, self.operand()))
        return tuple(found)

    def operand(self) -> Operand:
        token = self.token
        if token.keyword == "(":
            return self.many()
        if token.keyword in ("empty", "null"):
            return Empty(self.advance().text)
        if not self.is_name():
            raise self.name_refusal("Expecting either a value, list or function", "a value")
        if self.tokens[self.at + 1].keyword == "(":
            return self.call()
        if token.kind == "number":
            return Value(token.text, self.number())
        return Value(self.advance().text)

    def number(self) -> int:
        token = self.advance()
        # Longer ones are out of range whatever they are, and int() refuses the very long.
        if len(token.text) > 20 or not -(2**63) <= int(token.text) < 2**63:
            between = "Numbers must be between -9,223,372,036,854,775,808 and 9,223,372,036,854,775,807."
            raise self.text.error(f"'{token.text}' is not a valid number. {between}", token.start)
        return int(token.text)

    def many(self) -> Many:
        self.descend()
        items = list(operands(self.operand()))
        while self.accept(frozenset({","})):
            items.extend(operands(self.operand()))
        self.expect(")", "')'")
        self.depth -= 1
        return Many(tuple(items))

    def call(self) -> Call:
        token = self.advance()
        if not token.text:
            raise self.text.error("A function name cannot be empty.", token.start)
        self.at += 1
        arguments = [] if self.token.keyword in (")", ",") or self.token.kind == "end" else self.arguments()
        self.expect(")", "')' or ','" if arguments else "')'")
        return Call(token.text, tuple(arguments))

    def arguments(self) -> list[str]:
        found = [self.argument()]
        while self.accept(frozenset({","})):
            found.append(self.argument())
        return found

    def argument(self) -> str:
        token = self.token
        if self.is_name():
            return self.advance().text
        if token.kind == "end":
            raise syntax_error("Expecting a function argument at the end of the query.")
        if token.keyword == ")":
            raise self.text.error("Function argument must be specified.", token.start)
        raise self.name_refusal("Expecting a function argument", "an argument")

    def order(self) -> tuple[Sort, ...]:
        self.at += 1
        self.expect("by", "'by'")
        found = [self.sort()]
        while self.accept(frozenset({","})):
            found.append(self.sort())
        if self.token.kind != "end":
            directed = found[-1].direction is not None
            raise self.refusal("Expecting ','" if directed else "Expecting either 'ASC' or 'DESC'")
        return tuple(found)

    def sort(self) -> Sort:
        field = self.field()
        if self.accept(frozenset({"asc"})):
            return Sort(field, "asc")
        return Sort(field, "desc" if self.accept(frozenset({"desc"})) else None)

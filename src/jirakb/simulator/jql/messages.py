"""In which words does Jira refuse a query? Every text of it stands here. Never decides whether one is due."""

from collections.abc import Iterable

OPERATORS = "The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."
ESCAPES = r"The valid escape sequences are \', \", \t, \n, \r, \\, '\ ' and \uXXXX."
DATE_FORMATS = (
    "Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', "
    "or a period format e.g. '-5d', '4w 2d'."
)


class JqlError(Exception):
    """A query that Jira refuses; `messages` are the errorMessages of its answer 400."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = list(messages)
        super().__init__(" ".join(self.messages))


def syntax_error(text: str, line: int | None = None, character: int | None = None) -> JqlError:
    """Make the error of a query that does not parse, at a place or at the end of the query."""
    # One message of Jira's lacks the article; so it was recorded.
    prefix = "Error in JQL Query: " if text.startswith("Expecting either a value") else "Error in the JQL Query: "
    place = "" if line is None else f" (line {line}, character {character})"
    return JqlError([prefix + text + place])


def field_unknown(field: str) -> str:
    """Say that a field does not exist for the caller."""
    return f"Field '{field}' does not exist or you do not have permission to view it."


def operator_unsupported(operator: str, field: str) -> str:
    """Say that a field does not know an operator."""
    return f"The operator '{operator}' is not supported by the '{field}' field."


def value_unknown(value: str, field: str) -> str:
    """Say that no such name exists."""
    return f"The value '{value}' does not exist for the field '{field}'."


def id_unknown(number: int, field: str) -> str:
    """Say that no such id exists."""
    return f"A value with ID '{number}' does not exist for the field '{field}'."


def issue_unknown(key: str, field: str) -> str:
    """Say that no issue has this key."""
    return f"An issue with key '{key}' does not exist for field '{field}'."


def issue_key_invalid(key: str, field: str) -> str:
    """Say that a text is no issue key at all."""
    return f"The issue key '{key}' for field '{field}' is invalid."


def issue_moved(operator: str, key: str) -> str:
    """Say that a range cannot start at a key that an issue left behind."""
    return f"Operator '{operator}' cannot be applied to moved issue key '{key}'."


def function_unknown(name: str) -> str:
    """Say that there is no such function."""
    return f"Unable to find JQL function '{name}()'."


def function_unfit(name: str, field: str) -> str:
    """Say that a function yields nothing that this field could hold."""
    return f"A value provided by the function '{name}' is invalid for the field '{field}'."


def arguments_wrong(name: str, low: int, high: int, received: int) -> str:
    """Say that a function got too few or too many arguments."""
    expected = f"'{low}'" if low == high else f"between '{low}' and '{high}'"
    return f"Function '{name}' expected {expected} arguments but received '{received}'."


def offset_invalid(name: str) -> str:
    """Say that the argument of startOfDay() and its kin is no period."""
    return f"Duration for function '{name}' should have the format (+/-)n(yMwdm), e.g -1M for 1 month earlier."


def group_unknown(name: str, group: str) -> str:
    """Say that membersOf() names no group."""
    return f"Function '{name}' can not generate a list of usernames for group '{group}'; the group does not exist."


def date_invalid(value: str, field: str) -> str:
    """Say that a text is no date."""
    return f"Date value '{value}' for field '{field}' is invalid. {DATE_FORMATS}"


def list_needed(operator: str, value: str, field: str) -> str:
    """Say that `in` wants a list."""
    return f"Operator '{operator}' does not support the non-list value '{value}' for field '{field}'."


def list_unsupported(operator: str, value: str, field: str) -> str:
    """Say that `=` and the like want one value."""
    return f"Operator '{operator}' does not support the list value '{value}' for field '{field}'."


def empty_needed(operator: str, field: str) -> str:
    """Say that `is` compares with EMPTY only."""
    return f"Operator '{operator}' does not support searching for non-empty values for field '{field}'."


def empty_unsupported(operator: str, value: str, field: str) -> str:
    """Say that an operator cannot compare with EMPTY."""
    return f"Operator '{operator}' does not support the empty value representation '{value}' for field '{field}'."


def never_empty(field: str) -> str:
    """Say that a field has no EMPTY."""
    return f"The field '{field}' does not support searching for EMPTY values."


def text_missing(field: str) -> str:
    """Say that a text search needs a text."""
    return f"The field '{field}' does not support searching for an empty string."


def text_unreadable(value: str, field: str) -> str:
    """Say that a text is no text query."""
    return f"Unable to parse the text '{value}' for field '{field}'."


def wildcard_first(value: str, field: str) -> str:
    """Say that a word of a text query cannot begin with a wildcard."""
    return (
        f"The text query '{value}' for field '{field}' is not valid: "
        "the '*' and '?' are not allowed as first character in wildcard query."
    )


def unsortable(field: str) -> str:
    """Say that results cannot be ordered by a field."""
    return f"Not able to sort using field '{field}'."


TOO_MANY_SORTS = "JQL can be ordered by at most 7 fields."
TOO_DEEP = "The query is nested too deeply to be read."

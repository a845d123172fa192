"""What do the operands of a clause stand for? Turns values, lists and functions into what fields compare with."""

import re
from dataclasses import dataclass, field

from jirakb.simulator.jql import dates, functions, messages
from jirakb.simulator.jql.dates import Moment
from jirakb.simulator.jql.fields import NameField
from jirakb.simulator.jql.functions import Function, FunctionError, Yield
from jirakb.simulator.jql.row import Context
from jirakb.simulator.jql.syntax import Call, Clause, Empty, Many, Operand, Operator, Value, operands, spell

_ISSUE_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]{1,18}", re.ASCII)
_LISTED: frozenset[Operator] = frozenset({"in", "not in", "was in", "was not in"})
_COMPARED: frozenset[Operator] = frozenset({"<", "<=", ">", ">="})


@dataclass(slots=True)
class Problems:
    """What is wrong with a query, in the order of its clauses."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Issues:
    """Issues of a list: by number, or by upper-case key where the site gave no index. `keys` are also unresolved."""

    numbers: set[int] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def misfit(clause: Clause) -> str | None:
    """Return the message when operator and operand do not go together."""
    operator, operand, name = clause.operator, clause.operand, clause.field.name
    if operator in ("is", "is not"):
        return None if isinstance(operand, Empty) else messages.empty_needed(operator, name)
    if isinstance(operand, Empty) and (operator in _LISTED or operator in _COMPARED):
        return messages.empty_unsupported(operator, operand.text, name)
    is_list = _is_list(operand)
    if is_list is None:
        return None
    if operator in _LISTED and not is_list:
        return messages.list_needed(operator, spell(operand), name)
    if operator not in _LISTED and is_list:
        return messages.list_unsupported(operator, spell(operand), name)
    return None


def _is_list(operand: Operand) -> bool | None:
    """Tell lists from single values; None for a function that nobody knows."""
    if isinstance(operand, Call):
        function = functions.find(operand)
        return None if function is None else function.is_list
    return isinstance(operand, Many)


class Reader:
    """Reads the operands of one clause and notes what is wrong with them."""

    def __init__(self, clause: Clause, context: Context, problems: Problems) -> None:
        self.clause = clause
        self.name = clause.field.name
        self.context = context
        self.problems = problems

    def refuse(self, message: str) -> None:
        """Note an error."""
        self.problems.errors.append(message)

    def names(self, known: NameField) -> tuple[frozenset[str], bool]:
        """Return the wanted lower-case names, and whether EMPTY is wanted."""
        wanted: set[str] = set()
        empty = False
        for item in operands(self.clause.operand):
            match item:
                case Empty():
                    empty = True
                case Call() if known.yields is None:
                    self.unfit(item)
                case Call():
                    wanted.update(str(name).lower() for name in self.call(item, known.yields))
                case Value(text) if text.lower() == known.empty_name:
                    empty = True
                case Value():
                    wanted |= known.resolve(item, self.context) or self.missing(item, known)
        return frozenset(wanted), empty

    def missing(self, value: Value, known: NameField) -> frozenset[str]:
        """Note that a name does not exist."""
        message = self.unknown(value)
        # An unknown user is a warning on Data Center: a directory may know people that Jira does not.
        if known.yields == "user" and self.context.flavor == "dc":
            self.problems.warnings.append(message)
        else:
            self.refuse(message)
        return frozenset()

    def unknown(self, value: Value) -> str:
        """Make the message for a name or an id that does not exist."""
        if value.number is not None:
            return messages.id_unknown(value.number, self.name)
        return messages.value_unknown(value.text, self.name)

    def projects(self) -> frozenset[str]:
        """Return the keys of the wanted projects."""
        wanted: set[str] = set()
        for item in operands(self.clause.operand):
            match item:
                case Call():
                    self.unfit(item)
                case Value():
                    found = self.project(item)
                    if found is None:
                        self.refuse(self.unknown(item))
                    else:
                        wanted.add(found)
        return frozenset(wanted)

    def project(self, value: Value) -> str | None:
        """Return a project's key, by key, name or id."""
        found = self.context.projects.get(value.text.upper())
        if found is not None:
            return found.key
        wanted = value.text.lower()
        return next(
            (known.key for known in self.context.projects.values() if wanted in (known.name.lower(), known.id)), None
        )

    def moments(self) -> tuple[tuple[Moment, ...], bool]:
        """Return the wanted moments, and whether EMPTY is wanted."""
        found: list[Moment] = []
        empty = False
        for item in operands(self.clause.operand):
            match item:
                case Empty():
                    empty = True
                case Call():
                    found.extend(moment for moment in self.call(item, "date") if isinstance(moment, Moment))
                case Value():
                    moment = self.moment(item)
                    if moment is not None:
                        found.append(moment)
        return tuple(found), empty

    def moment(self, value: Value) -> Moment | None:
        """Return what a date means; an unquoted number is epoch milliseconds."""
        if value.number is not None:
            return dates.exactly(value.number)
        moment = dates.read(value.text, self.context.now, self.context.zone)
        if moment is None:
            self.refuse(messages.date_invalid(value.text, self.name))
        return moment

    def texts(self) -> tuple[list[str], bool]:
        """Return the wanted texts as they stand, and whether EMPTY is wanted."""
        found: list[str] = []
        empty = False
        for item in operands(self.clause.operand):
            match item:
                case Empty():
                    empty = True
                case Call():
                    found.extend(str(value) for value in self.call(item, None))
                case Value(text):
                    found.append(text)
        return found, empty

    def issues(self) -> Issues:
        """Return the wanted issues; those that are not there are refused or left out."""
        found = Issues()
        for item in operands(self.clause.operand):
            match item:
                case Empty():
                    self.refuse(messages.never_empty(self.name))
                case Call():
                    self.unfit(item)
                case Value(text, None):
                    self.issue_by_key(text, found)
                case Value(number=int(number)):
                    self.issue_by_id(number, found)
        return found

    def issue_by_key(self, key: str, found: Issues) -> None:
        """Add the issue of a key, its present one or one that it left behind."""
        if not _ISSUE_KEY.fullmatch(key):
            return self.refuse(messages.issue_key_invalid(key, self.name))
        if self.context.issue_numbers_by_key is None:
            return found.keys.add(key.upper())
        number = self.context.issue_numbers_by_key.get(key.upper())
        if number is not None:
            return found.numbers.add(number)
        return self.dead(messages.issue_unknown(key, self.name))

    def issue_by_id(self, number: int, found: Issues) -> None:
        """Add the issue of an id."""
        known = self.context.issue_keys_by_number
        if known is not None and known.get(number) is None:
            return self.dead(messages.id_unknown(number, self.name))
        return found.numbers.add(number)

    def dead(self, message: str) -> None:
        """Note an issue that is gone or hidden; Cloud forgives it in lists."""
        if self.context.flavor == "dc" or self.clause.operator not in ("in", "not in"):
            self.refuse(message)

    def call(self, call: Call, yields: Yield | None) -> tuple[str | Moment, ...]:
        """Return what a function gives; `yields` says what the field can hold, None anything."""
        function = functions.find(call)
        if function is None:
            self.refuse(messages.function_unknown(call.name))
            return ()
        if yields is not None and function.yields != yields:
            self.refuse(messages.function_unfit(call.name, self.name))
            return ()
        return self.evaluate(function, call)

    def evaluate(self, function: Function, call: Call) -> tuple[str | Moment, ...]:
        """Compute a function and note what it refuses."""
        try:
            return functions.evaluate(function, call, self.context)
        except FunctionError as refusal:
            self.refuse(str(refusal))
            return ()

    def unfit(self, call: Call) -> None:
        """Note that this field takes no function."""
        if functions.find(call) is None:
            self.refuse(messages.function_unknown(call.name))
        else:
            self.refuse(messages.function_unfit(call.name, self.name))

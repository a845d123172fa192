"""How is a query answered for this caller? Checks what it names, then selects and orders rows; keeps no issue."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jirakb.simulator.jql import clauses, fields, matching, messages, operands
from jirakb.simulator.jql.matching import Matcher
from jirakb.simulator.jql.messages import JqlError
from jirakb.simulator.jql.operands import Problems, Reader
from jirakb.simulator.jql.order import Ordering, arrange, ordering
from jirakb.simulator.jql.row import Context, Row
from jirakb.simulator.jql.syntax import OPPOSITES, And, Clause, Condition, Empty, Not, Or, Query, Sort

MAX_SORTS = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """A query ready to be answered. `warnings` is for the answer's warningMessages."""

    matches: Callable[[Row], bool]
    orderings: tuple[Ordering, ...] = ()
    warnings: tuple[str, ...] = ()
    include_archived: bool = False
    candidates: frozenset[int] | None = None

    def numbers(self) -> frozenset[int] | None:
        """Return a superset of the matching issues' numbers that the query itself names; None when it names none.

        A site that has an index need look at these rows only.
        """
        return self.candidates

    def select(self, rows: Iterable[Row]) -> list[Row]:
        """Return the matching rows in the asked order, without ORDER BY newest issue first."""
        matches = self.matches
        if self.include_archived:
            return arrange([row for row in rows if matches(row)], self.orderings)
        return arrange([row for row in rows if not row.archived and matches(row)], self.orderings)


@dataclass(frozen=True, slots=True)
class _Part:
    matches: Matcher
    numbers: frozenset[int] | None = None


_NOTHING = Plan(matching.nothing, candidates=frozenset())


def plan(query: Query, context: Context, *, validate: bool = True) -> Plan:
    """Check a query against what the caller may know; raises JqlError with every fault.

    Without `validate` faults become warnings, and what they touch matches nothing (Data Center's validateQuery=false).
    An anonymous caller of Cloud gets an empty result instead of the faults, which would tell what exists.
    """
    if context.flavor == "cloud":
        if len(query.order) > MAX_SORTS:
            raise JqlError([messages.TOO_MANY_SORTS])
        if query.words is not None and _is_no_query(query, context):
            return Plan(clauses.text_search(query.words), include_archived=context.include_archived)
    if query.refusal is not None:
        raise query.refusal
    problems = Problems()
    planner = _Planner(context, problems)
    part = planner.part(query.where, negated=False) if query.where is not None else _Part(matching.everything)
    orderings = planner.orderings(query.order)
    if problems.errors and validate:
        if context.flavor == "cloud" and context.user is None:
            return _NOTHING
        raise JqlError(dict.fromkeys(problems.errors))
    warnings = tuple(dict.fromkeys([*problems.errors, *problems.warnings]))
    return Plan(part.matches, orderings, warnings, context.include_archived, part.numbers)


def _is_no_query(query: Query, context: Context) -> bool:
    """Tell bare words from a query spelled in words: "this is not jql" names no field, "labels is EMPTY" does."""
    if query.refusal is not None:
        return True
    clause = query.where
    if not isinstance(clause, Clause) or isinstance(clause.operand, Empty) or query.order:
        return False
    return fields.find(clause.field, context) is None


class _Planner:
    """Turns conditions into matchers and collects what is wrong with them."""

    def __init__(self, context: Context, problems: Problems) -> None:
        self.context = context
        self.problems = problems

    def part(self, condition: Condition, negated: bool) -> _Part:
        """Build a matcher; a NOT around it turns the operators inside, by De Morgan, as Jira does."""
        match condition:
            case Not(inner):
                return self.part(inner, not negated)
            case Clause():
                return self.clause(condition, negated)
            case And(parts):
                built = [self.part(part, negated) for part in parts]
                return _either(built) if negated else _both(built)
            case Or(parts):
                built = [self.part(part, negated) for part in parts]
                return _both(built) if negated else _either(built)

    def clause(self, clause: Clause, negated: bool) -> _Part:
        known = fields.find(clause.field, self.context)
        if known is None:
            return self.refuse(messages.field_unknown(clause.field.name))
        if clause.operator not in known.operators:
            return self.refuse(messages.operator_unsupported(clause.operator, clause.field.name))
        misfit = operands.misfit(clause)
        if misfit is not None:
            return self.refuse(misfit)
        operator = OPPOSITES[clause.operator] if negated else clause.operator
        return _Part(*clauses.compile_clause(known, operator, Reader(clause, self.context, self.problems)))

    def refuse(self, message: str) -> _Part:
        self.problems.errors.append(message)
        return _Part(matching.nothing, frozenset())

    def orderings(self, order: Iterable[Sort]) -> tuple[Ordering, ...]:
        found = []
        for sort in order:
            step = ordering(sort, self.context)
            if step is None:
                self.problems.errors.append(messages.unsortable(sort.field.name))
            else:
                found.append(step)
        return tuple(found)


def _both(parts: list[_Part]) -> _Part:
    known = [part.numbers for part in parts if part.numbers is not None]
    return _Part(matching.all_of([part.matches for part in parts]), frozenset.intersection(*known) if known else None)


def _either(parts: list[_Part]) -> _Part:
    known = [part.numbers for part in parts if part.numbers is not None]
    whole = len(known) == len(parts)
    return _Part(matching.any_of([part.matches for part in parts]), frozenset().union(*known) if whole else None)

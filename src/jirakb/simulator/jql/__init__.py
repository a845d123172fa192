"""JQL of the simulated site: parse a query, plan it for a caller, select rows. Never answers HTTP and holds no issue."""

from jirakb.simulator.jql.messages import JqlError
from jirakb.simulator.jql.parser import parse
from jirakb.simulator.jql.plan import Plan, plan
from jirakb.simulator.jql.row import Context, Flavor, Lookup, Project, Row, Sprint, User
from jirakb.simulator.jql.syntax import Query

__all__ = [
    "Context",
    "Flavor",
    "JqlError",
    "Lookup",
    "Plan",
    "Project",
    "Query",
    "Row",
    "Sprint",
    "User",
    "parse",
    "plan",
]

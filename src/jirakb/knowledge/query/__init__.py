"""What does a query in the language of Jira's searches ask of the index? `read` is the door."""

from jirakb.knowledge.query.plan import Language, Plan, read
from jirakb.knowledge.query.resolve import resolve

__all__ = ["Language", "Plan", "read", "resolve"]

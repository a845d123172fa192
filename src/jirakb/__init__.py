"""jirakb makes a Jira site a searchable knowledge base and keeps it true."""

__version__ = "0.1.0"

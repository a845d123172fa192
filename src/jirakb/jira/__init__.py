"""A Jira site read as documents. Knows nothing of how documents are stored or searched."""

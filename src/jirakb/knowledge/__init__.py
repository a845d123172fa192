"""Documents made searchable: stored, split, embedded, indexed, found. Knows nothing of Jira's protocol."""

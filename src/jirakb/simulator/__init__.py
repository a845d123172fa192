"""A Jira that runs on a laptop. Imports nothing of the product, so that a mistake about Jira cannot hide in both."""

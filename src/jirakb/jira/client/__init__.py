"""Jira's REST interface as typed calls: paced, retried, counted, and never sent to another host than the site's own."""

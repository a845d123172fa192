"""How does one issue become a document? Parses what the site sent, renders it. Never talks to the site."""

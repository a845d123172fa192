"""The HTTP interface: what other programs and the web page ask of the service."""

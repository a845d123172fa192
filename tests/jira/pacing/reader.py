"""A process of a service, as far as its pace goes: reads a site through the store that its environment names."""

from __future__ import annotations

import sys

from jirakb.jira.connector import JiraConnector
from jirakb.jira.pacing.shared import open_pacers
from jirakb.settings import Settings


def read(base_url: str, token: str) -> None:
    settings = Settings.read()
    pacers = open_pacers(settings)
    credentials = {"jira_api_token": token}
    connector = JiraConnector(base_url, projects=["*"], credentials=credentials, settings=settings, pacers=pacers)
    numbers = [ref.number for listing in connector.list_all() for ref in listing.refs]
    for start in range(0, len(numbers), connector.batch_limit):
        connector.fetch(numbers[start : start + connector.batch_limit])
    connector.close()
    pacers.close()


if __name__ == "__main__":
    read(sys.argv[1], sys.argv[2])

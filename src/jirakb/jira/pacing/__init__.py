"""When may the next call to a site be sent? Learns from what the site answers, for all threads and processes that share a store."""

from jirakb.jira.pacing.pacer import Pacer, Pacers
from jirakb.jira.pacing.store import PacesInMemory, PaceStore
from jirakb.jira.pacing.timing import Stop, Timing
from jirakb.jira.pacing.turns import Allowance, Turn

__all__ = ["Allowance", "PaceStore", "Pacer", "Pacers", "PacesInMemory", "Stop", "Timing", "Turn"]

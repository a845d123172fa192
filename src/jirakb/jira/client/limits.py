"""What do the headers of an answer tell about limits? Pure: reads headers, waits for nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

from jirakb.jira.pacing import Allowance


def allowance(headers: Mapping[str, str]) -> Allowance:
    """The limit that an answer tells of. `headers` are found by lower-case names.

    Data Center names its bucket whole; what Cloud names without a rate is a quota of points, which no rate follows from.
    """
    interval = _number(headers, "x-ratelimit-interval-seconds")
    filling = _number(headers, "x-ratelimit-fillrate")
    rate = filling / (interval or 1.0) if filling else None
    return Allowance(
        capacity=_number(headers, "x-ratelimit-limit") or None,
        remaining=_number(headers, "x-ratelimit-remaining"),
        per_second=rate,
        near=headers.get("x-ratelimit-nearlimit", "").strip().lower() == "true",
    )


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        found = float(headers.get(name, ""))
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None

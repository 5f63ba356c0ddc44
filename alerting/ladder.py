"""When is a failed send tried again, and until when at all?"""

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from alerting.notification import Action
from alerting.verdict import Severity

# Waits after the 1st, 2nd, … failed attempt; after that EVERY. The first attempt itself is at once.
STEPS = tuple(timedelta(seconds=s) for s in (5, 15, 60, 120, 300, 600))
EVERY = timedelta(minutes=15)
JITTER = 0.2  # ± share of the wait, so that rows that failed together do not return together

PROBE_EVERY = timedelta(minutes=5)  # a broken channel is asked this often whether it works again
RATE_DEFAULT = timedelta(seconds=30)  # a 429 without a usable Retry-After
RATE_SHORTEST = timedelta(seconds=1)  # "Retry-After: 0" must not become a tight loop
RATE_LONGEST = timedelta(hours=1)  # a Retry-After beyond this is a mistake of the other side


def deadline(created: datetime, severity: Severity, action: Action) -> datetime:
    """After this the row is dead: pages live three days, the rest one, a request to retrain two hours."""
    if action is Action.REQUEST:
        return created + timedelta(hours=2)
    return created + timedelta(hours=72 if severity is Severity.PAGE else 24)


def next_try(key: str, attempt: int, now: datetime) -> datetime:
    """When to try again after `attempt` (from 1) failed. Jitter comes from the key: same row, same plan."""
    wait = STEPS[attempt - 1] if attempt <= len(STEPS) else EVERY
    digest = hashlib.sha256(f"{key}\x1f{attempt}".encode()).digest()
    unit = int.from_bytes(digest[:8]) / 2**64  # [0, 1)
    return now + wait * (1 + JITTER * (2 * unit - 1))


def rate_wait(retry_after_s: float | None) -> timedelta:
    """How long a channel rests after a 429."""
    if retry_after_s is None or not retry_after_s >= 0:  # also NaN
        return RATE_DEFAULT
    longest = RATE_LONGEST.total_seconds()
    return max(RATE_SHORTEST, timedelta(seconds=min(retry_after_s, longest)))


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3), else None."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())

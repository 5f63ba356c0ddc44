"""Which time zones does this machine know?"""

from functools import cache
from zoneinfo import available_timezones


@cache
def zones() -> frozenset[str]:
    """Read from disk once: some thousand names take 10 ms, and a config is asked for several."""
    return frozenset(available_timezones())

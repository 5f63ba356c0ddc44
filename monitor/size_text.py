"""How is the size of the history said?"""

from collections.abc import Mapping
from typing import Any

from storage.size import Size


def size_facts(found: Size) -> dict[str, Any]:
    """For JSON; bytes, and ISO-8601 times or None."""
    return {
        "bytes": found.total,
        "free_bytes": found.free,
        "full_since": found.full_since.isoformat() if found.full_since else None,
        "daily_since": found.daily_since.isoformat() if found.daily_since else None,
    }


def size_line(facts: Mapping[str, Any]) -> str:
    """For a person."""
    text = f"{_megabytes(facts['bytes'])}"
    if facts["free_bytes"]:
        text += f" ({_megabytes(facts['free_bytes'])} of it free for what comes)"
    if facts["full_since"]:
        text += f"; measurements in full since {facts['full_since'][:10]}"
    if facts["daily_since"]:
        text += f", one row a day since {facts['daily_since'][:10]}"
    return text


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"

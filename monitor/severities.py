"""Which severity did a person type?"""

from alerting.verdict import Severity
from monitor.exits import CommandError


def severity_of(text: str | None) -> Severity | None:
    """ticket or page; None for None."""
    if text is None:
        return None
    try:
        return Severity(text)
    except ValueError as error:
        raise CommandError(f'--severity: must be ticket or page, got "{text}"') from error

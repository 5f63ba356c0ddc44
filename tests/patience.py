"""How long may something take that is measured in real time, on a machine that has other things to do too?"""

import os


def within(seconds: float) -> float:
    """So many seconds on an idle machine; up to four times as many where more wants to run than there are
    cores."""
    return seconds * min(4.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))

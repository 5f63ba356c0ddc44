"""What does an error of Spark ask of whom: wait, or change something?"""

import re

from monitor.source import SourceError

# By Spark's error condition (spark.apache.org/docs/latest/sql-error-conditions.html), by the longest prefix.
# Does it pass by itself, and what can a person do about it?
_CONDITIONS = {
    "TABLE_OR_VIEW_NOT_FOUND": (True, "correct `table`, or create it"),
    "SCHEMA_NOT_FOUND": (False, "correct `table`"),
    "DATA_SOURCE_NOT_FOUND": (False, "correct `format`, or give the cluster the package that reads it"),
    "UNRESOLVED_COLUMN": (True, "a column went away while it was read"),
    "FAILED_READ_FILE": (True, "if a file was replaced while it was read, this passes; else repair it"),
    "CANNOT_READ_FILE_FOOTER": (False, "a file is none of `format`; remove it"),
    "INSUFFICIENT_PERMISSIONS": (False, "GRANT SELECT on it"),
    "PERMISSION_DENIED": (False, "let this user read it"),
    "UNAUTHENTICATED": (False, "check the token of `remote`"),
    "UNAVAILABLE": (True, "is the Spark Connect server running, and does it listen at that host and port"),
    "JAVA_GATEWAY_EXITED": (False, "a driver in this process needs Java 17; install it, or set JAVA_HOME"),
    "NO_PATH": (True, "create it, or correct `path`"),
}
_WRITTEN = re.compile(r"\[([A-Z_]{4,})[.\]]")  # as Spark begins a message of one
NOTHING_YET = ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA")
# What our own code needs where it runs.
_PACKAGES = ("monitor", "detectors", "storage", "alerting", "polars", "numba", "numpy", "scipy", "pyarrow")


def condition(error: BaseException) -> str:
    """Spark's word for it, or gRPC's; "" where there is none."""
    ask = getattr(error, "getCondition", None)
    if callable(ask) and (word := ask()):
        return str(word)
    if (written := _WRITTEN.search(str(error))) is not None:
        return written[1]
    code = getattr(error, "code", None)
    return str(getattr(code(), "name", "")) if callable(code) else ""


def failure(error: BaseException, where: str) -> SourceError:
    """The first sentence of what was said, without traces of Java, and what can be done."""
    said = str(error)
    for package in _PACKAGES:
        if f"No module named '{package}" in said:
            return SourceError(
                f"{where}: {package} is not where the executors run; install leeway-monitor in their Python, "
                "or set `ship` where only the package itself is missing there",
                transient=False,
            )
    word = condition(error)
    known = [each for each in _CONDITIONS if word.startswith(each)]
    if isinstance(error, ConnectionError) or "StatusCode.UNAVAILABLE" in said:
        known = ["UNAVAILABLE"]
    analysed = any(kind.__name__ in ("AnalysisException", "ParseException") for kind in type(error).__mro__)
    transient, remedy = _CONDITIONS[max(known, key=len)] if known else (not analysed, "look at Spark's log")
    return SourceError(f"{where}: {_reason(said, error)}; {remedy}", transient=transient)


def _reason(said: str, error: BaseException) -> str:
    lines = [
        line.strip() for line in said.splitlines() if line.strip() and not line.strip().startswith("at ")
    ]
    return " ".join(lines[:3])[:300].rstrip(". ") or type(error).__name__

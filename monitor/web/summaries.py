"""A summary came over HTTP instead of rows: on which reference was it counted, and of which window?

| answer | to |
|---|---|
| 201, 200 | as for rows (monitor/web/ingesting.py) |
| 400 | no `from` and `to`, or what is no time; no Idempotency-Key |
| 409 | counted on another reference than the one in force, or there is none: nothing is kept |
| 422 | no summary of that reference, or one that reaches beyond a window |

The reference in force is at GET /api/v1/reference/MODEL, with its digest as the ETag.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from alerting.sanitise import clean
from detectors import (
    CategorySummary,
    OtherProfileError,
    Profile,
    WindowSummary,
    decode_summary,
    encode_profile,
)
from monitor.evaluation import load_profile
from monitor.runtime import Runtime
from monitor.source import SourceError
from monitor.sources._arrival import AHEAD
from monitor.sources._inbox import Batch, KeyTakenError
from monitor.sources._summaries import kept_of
from monitor.sources.ingest import IngestSource
from monitor.web.answering import RefusedError, Reply
from monitor.windows import WindowSpec, window_at
from storage import profiles
from storage.span import Span

SUMMARY = "application/vnd.leeway.summary"
REFERENCE = "application/vnd.leeway.reference"
LONGEST_WORD = 10_000  # characters: a label of production may be a sentence
MOST_BYTES = 128 * 1024 * 1024  # of a summary in memory


def span_of(query: Mapping[str, str], spec: WindowSpec, now: datetime) -> Span:
    """From `from` and `to`: inside one window, and not of a time to come. Raises RefusedError."""
    start, end = _moment(query, "from"), _moment(query, "to")
    if end <= start:
        raise RefusedError(400, "to: must be after `from`")
    if end > now + AHEAD:
        raise RefusedError(422, f"to: {end.isoformat()} is more than a day ahead of this machine's clock")
    window = window_at(spec, start)
    if end > window.end:
        raise RefusedError(
            422,
            f"a window ends at {window.end.isoformat()}, between `from` and `to`: count the rows of each "
            "window by themselves, a summary cannot be divided",
        )
    return Span(start=start, end=end)


def keep_summary(
    runtime: Runtime, model: str, source: IngestSource, content: bytes, key: str | None, span: Span
) -> Reply:
    """On the disk when this returns. Raises RefusedError, InboxError."""
    if key is None:
        raise RefusedError(
            400,
            "Idempotency-Key: must be there: two parts of a window may well be counted to the same numbers",
        )
    # Its span is a part of what was sent: the same counts of another hour are another summary.
    batch = Batch.of(f"{span.start.isoformat()} {span.end.isoformat()}\n".encode() + content, key)
    profile = _in_force(runtime, model)
    try:
        summary = decode_summary(content, profile, MOST_BYTES)
    except OtherProfileError as error:
        raise RefusedError(409, f"{error}: GET /api/v1/reference/{clean(model)}") from error
    except ValueError as error:
        raise RefusedError(422, str(error)) from error
    for word in _words(summary):
        if len(word) > LONGEST_WORD or any("\ud800" <= letter <= "\udfff" for letter in word):
            raise RefusedError(
                422,
                f"the label or model version {clean(word[:40])!r} is longer than {LONGEST_WORD} characters, "
                "or holds one half of a surrogate pair, which is no text",
            )
    kept = kept_of(batch, profile.digest, span, summary.rows)
    try:
        fresh = source.take_summary(kept, content, runtime.clock.now())
    except KeyTakenError as error:
        raise RefusedError(409, str(error)) from error
    except SourceError as error:
        raise RefusedError(503, f"the summary cannot be kept: {error.reason}") from error
    if not fresh:
        return Reply(status=200, said={"kept": "before", "batch": batch.key})
    return Reply(status=201, said={"kept": "now", "batch": batch.key, "rows": summary.rows})


def _words(summary: WindowSummary) -> Iterator[str]:
    """All text in it that is not in its reference: it will stand in history, messages and logs."""
    if summary.version is not None:
        yield summary.version
    yield from summary.versions
    for column in summary.columns.values():
        if isinstance(column, CategorySummary):
            yield from column.unseen_labels
    for part in (*summary.slices.values(), *summary.versions.values()):
        yield from _words(part)


def reference(runtime: Runtime, model: str, known: str) -> Reply:
    """The one in force, as bytes; 304 where the caller has it. `known`: the header If-None-Match."""
    profile = _in_force(runtime, model)
    headers = {"ETag": f'"{profile.digest}"', "Cache-Control": "no-cache"}
    if profile.digest in known:
        return Reply(status=304, said=b"", headers=headers)
    return Reply(status=200, said=encode_profile(profile), headers=headers)


def _in_force(runtime: Runtime, model: str) -> Profile:
    with runtime.store.read() as conn:
        active = profiles.active(conn, model)
    if active is None:
        raise RefusedError(
            409,
            f"{clean(model)} has no reference in force: `leeway reference build --model {clean(model)}`",
        )
    return runtime.profiles.get(active.id, lambda: load_profile(runtime, active))


def _moment(query: Mapping[str, str], name: str) -> datetime:
    said = query.get(name, "")
    try:
        found = datetime.fromisoformat(said)
        utc = None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):  # of its year in UTC
        utc = None
    if utc is None:
        got = f"got {clean(said)[:60]!r}" if said else "there is none"
        raise RefusedError(
            400,
            f"{name}: must be a time with its offset, such as {name}=2026-03-31T00:00:00Z ({got}; a + is "
            "written %2B in an address)",
        )
    return utc

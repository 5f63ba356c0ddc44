"""Which events does Leeway log, and in what form?

A log line is an event name `noun.verb` plus fields. ERROR means a human must act. The events are the table
below; a test holds every call in the tree against it.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO, cast

from monitor.log_file import LogFile

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "daemon.started": "the daemon owns its database, or shares it, and begins to look for due windows",
        "daemon.stopping": "a signal asked the daemon to end; it finishes or releases what it holds",
        "daemon.stopped": "the daemon ended in good order",
        "daemon.stalled": "a part has been silent for a minute: the process dumps its stacks and exits 70",
        "database.let_in": "the database can be opened again",
        "database.lost": "the database is damaged, gone or another file: nothing more is written, exit 69",
        "database.shut_out": "owner or mode were changed: who has the database open goes on, no other can",
        "config.reloaded": "a changed config is in force",
        "config.refused": "a changed config cannot be used; the one before stays in force",
        "config.needs_restart": "these keys changed and take effect when the daemon starts again",
        "log.lost": "lines could not be written, as the log's disk was full",
        "leader.taken": "this daemon leads those that share the database: it plans, folds and flushes",
        "leader.fenced": "a write of a leader that another daemon had replaced was refused",
        "leader.lost": "another daemon leads now; this one goes on evaluating and delivering",
        "tick.failed": "one look for due work failed; the next tick tries again",
        "clock.jumped": "wall clock and monotonic clock differ by over a minute since the last tick",
        "storage.risky": "the database stands on ground that may not hold: SQLite's version, the file system",
        "history.pruned": "what was older than daemon.retention was rolled up or deleted",
        "model.skipped": "a model cannot be evaluated until what the reason says is done",
        "rules.changed": "a model is judged by other rules than before; counted breaches begin anew",
        "windows.planned": "rows were added to the ledger",
        "windows.skipped": "windows were passed over: skipped, or too late to be folded in order",
        "window.evaluated": "a window was measured and its result is in the ledger",
        "window.deferred": "a window is not complete yet; it is looked at again at next_try",
        "window.failed": "a window ended as failed; the reason says what to do",
        "window.broke": "measuring a window failed in a way it should not; it is tried again until give_up",
        "window.fenced": "a result came too late: another worker owned the window, the result was dropped",
        "windows.released": "windows that were not finished in time when the daemon ended are free again",
        "source.counted_here": "rows of a table are read, as its database cannot count them",
        "source.hung": "a source did not answer within its limit; its window is tried again later",
        "window.changed": "rows came late: the window is evaluated once more, as its next revision",
        "window.recheck_failed": "late rows could not be looked for; what was evaluated stands",
        "window.overdue": "a window is open an interval after it was due: what follows is judged without it",
        "window.refolded": "a window that came late is in its place; what was said since is judged again",
        "window.folded": "a window was judged and folded into alert state",
        "version.appeared": "a model version answered that nobody had seen",
        "schema.column_appeared": "the source has a column that the reference was not built with",
        "performance.learnt": "labels of production taught what performance is normal",
        "noise.learnt": "a noise model left learning: column alerts can page from now on",
        "incident.opened": "an incident opened",
        "incident.reopened": "an incident came back within six windows of its end",
        "incident.severity_up": "an incident rose to page",
        "incident.resolved": "an incident ended; reason says why",
        "incident.flapping": "an incident comes and goes; posts about it wait until it is steady",
        "incident.steady": "an incident that came and went did neither for a day of windows",
        "group.flushed": "messages were put into the outbox",
        "notification.sent": "a channel accepted a message",
        "notification.queued": "a channel did not accept a message now; it is tried again",
        "notification.uncertain": "a channel may have accepted a message; it is told again, marked as such",
        "notification.cancelled": "a message was not wanted any more when its turn came",
        "notification.dead": "a message was given up; a person must look",
        "picture.given_up": "a channel did not take the picture of a message, whose words are out",
        "picture.failed": "the picture of a message could not be drawn; the message went without it",
        "notification.fence_lost": "another courier owned the message; what this one learnt was dropped",
        "notification.bug": "a channel failed in a way it should not; please report it",
        "notification.recipient_refused": "a mail server took a mail, but not for all of its recipients",
        "notification.unworded": "a message could not be worded, it went with few words; please report it",
        "slack.connected": "Slack tells this daemon what people press and ask",
        "slack.disconnected": "it does not for now; reason says why, again_in_s when it is tried again",
        "slack.acted": "a person acknowledged, silenced or marked something in Slack",
        "slack.asked": "a person asked something with /leeway",
        "slack.refused": "what somebody asked for in Slack was not done; they were told why",
        "slack.unanswered": "what was done, or not, could not be said to the one who asked",
        "retraining.decided": "a retraining decision was recorded, with its gates",
        "retraining.reported": "somebody said what became of a request; `heard` says whether it was taken",
        "retraining.expired": "a request or proposal ended because nobody answered in time",
        "retraining.answered": "it is known whether a retraining helped",
        "retraining.breaker_opened": "requests did not help: none goes out until a person closes the breaker",
        "retraining.reference_failed": "the reference of a retrained model was not put in force",
        "web.started": "the HTTP listener answers",
        "web.given_up": "a request over HTTP did not come to its end in time",
        "ingest.kept": "a batch of rows that came over HTTP is on the disk",
        "ingest.refused": "rows that came over HTTP were not taken; the sender was told why",
        "ingest.not_kept": "rows that came over HTTP could not be written; the sender was told",
        "ingest.merged": "small files of rows that came over HTTP became fewer",
        "ingest.removed": "rows that came over HTTP were older than `keep`",
        "reference.built": "a reference profile was built",
        "reference.promoted": "a reference profile is in force for its model",
        "reference.kept": "a trailing reference did not move on",
    }
)


def _known(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    if event["event"] not in EVENTS:
        raise ValueError(f"log event {event['event']!r} is not in monitor.logs.EVENTS: add it there")
    return event


def configure(*, form: str = "logfmt", verbose: bool = False, quiet: bool = False) -> None:
    """Send log lines to stderr as `logfmt` or `json`; quiet keeps warnings and errors only."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    with _LOCK:
        _WAITING[:] = [partial(_configure, form, level, LogFile(sys.stderr))]
    # alerting logs its deliveries through the standard library: same stream, same fields.
    handler = logging.StreamHandler(LogFile(sys.stderr))
    handler.setFormatter(_Json() if form == "json" else _Logfmt())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("alerting").setLevel(level)


class _Logfmt(logging.Formatter):
    """`event key=value …` as the channels write it, under the same leading fields."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        return f"timestamp={at} level={record.levelname.lower()} event={record.getMessage()}"


class _Json(logging.Formatter):
    """The same as JSON; the event and its fields stay one text."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        fields = {"event": record.getMessage(), "level": record.levelname.lower(), "timestamp": at}
        return json.dumps(fields, ensure_ascii=False)


def logger() -> "FilteringBoundLogger":
    """The project's logger."""
    import structlog  # noqa: PLC0415  0.08 s, with rich and pygments: most commands have nothing to log

    with _LOCK:
        for configure_now in _WAITING:
            configure_now()
        _WAITING.clear()
    log: FilteringBoundLogger = structlog.get_logger()
    return log


_WAITING: list[Callable[[], None]] = []  # what was asked for, until the first line
_LOCK = Lock()


def _configure(form: str, level: int, stream: LogFile) -> None:
    import structlog  # noqa: PLC0415  as above

    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    )
    structlog.configure(
        processors=[
            _known,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, stream)),
        cache_logger_on_first_use=False,
    )

"""How do past days go through the daemon's own path? Window by window, with a clock that is moved by hand."""

from collections.abc import Iterator
from dataclasses import replace as with_changes
from pathlib import Path

from monitor import build
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import deliver
from monitor.evaluation import evaluate_next
from monitor.folding import FoldedWindow, fold_ready
from monitor.opening import open_runtime, own
from monitor.planning import plan
from monitor.referencing import build_reference
from monitor.story import Decided, Event, Recorder, ReferenceBuilt, WindowFolded
from monitor.telling import flush
from monitor.windows import windows_within
from storage.ledger import Stream
from storage.span import Span


def replay(config: Path, production: Span) -> Iterator[Event]:
    """Build and promote the reference, then let each window of `production` end and be seen to.

    The same functions as the daemon's, and as `leeway run --once`: only the clock is another.
    """
    loaded = load(config, members=build.check)
    clock = SteppedClock(production.start)
    with open_runtime(loaded, clock) as opened:
        recorders = {name: Recorder(inner=channel) for name, channel in opened.channels.items()}
        runtime = with_changes(opened, channels=recorders)
        for watched in runtime.models.values():
            outcome = build_reference(runtime, watched, promote=True)
            yield ReferenceBuilt(
                version=outcome.reference.version,
                rows=outcome.reference.rows,
                columns=len(outcome.reference.columns),
                windows=outcome.windows,
                notices=outcome.notices,
            )
        with own(runtime) as couriers:
            for watched in runtime.models.values():
                for span in windows_within(watched.spec, production.start, production.end):
                    clock.advance_to(max(clock.now(), span.end + watched.config.window.settle))
                    plan(runtime)
                    while evaluate_next(runtime):
                        pass
                    for folded in fold_ready(runtime):
                        yield from _told(folded)
                    flush(runtime)
                    deliver(runtime, couriers)
                    for recorder in recorders.values():
                        yield from recorder.drain()


def _told(folded: FoldedWindow) -> Iterator[Event]:
    window = folded.window
    if window.stream is Stream.INPUTS:  # what labels say days later is told by what it changes
        yield WindowFolded(
            span=window.span, state=window.state.value, rows=window.rows or 0, severity=folded.severity
        )
    yield from folded.transitions
    if folded.decision is not None:
        yield Decided(at=window.span.end, decision=folded.decision)

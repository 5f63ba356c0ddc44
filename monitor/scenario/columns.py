"""What does each window of a scenario hold? Given, where the daemon would have read and counted it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from detectors import Kind
from detectors._column import Role
from monitor.runtime import Runtime
from monitor.scenario.model import Scenario, Z
from monitor.scenario.numbers import ROWS, of_values, of_word
from monitor.scenario.places import Place
from monitor.source import ColumnKind, Fingerprint, SourceError, Window
from storage import ledger, profiles
from storage.ledger import WindowState
from storage.measurements import ColumnResult
from storage.span import Span

_ENDS = {
    "done": (WindowState.DONE, ""),
    "no_data": (WindowState.NO_DATA, "no rows in this scenario"),
    "low_volume": (WindowState.LOW_VOLUME, "too few rows in this scenario"),
    "failed": (WindowState.FAILED, "the source could not be read in this scenario"),
    "broken": (WindowState.FAILED, "the source may not be read in this scenario"),
}
_NEVER = timedelta(days=3650)
_ERRORS = {"failed": "transient", "broken": "permanent"}


def places(scenario: Scenario) -> Mapping[Place, Role]:
    """Every series that values are given for, and what its column is to the model."""
    found = [Place.of(name) for name in (*scenario.verdicts, *scenario.values)]
    roles = {Place.of(name).column: column.word for name, column in scenario.columns.items()}
    return {place: roles.get(place.column, Role.FEATURE) for place in found}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The scenario's values by window."""

    scenario: Scenario
    spans: Sequence[Span]

    def evaluate(self, runtime: Runtime) -> bool:
        """Steps 3 to 6 of one due window: claimed, and ended with what is given. False: nothing is due."""
        now = runtime.clock.now()
        with runtime.store.write() as conn:
            window = ledger.claim(conn, now, runtime.owner, runtime.lease, models=list(runtime.models))
        if window is None:
            return False
        if window.span not in self.spans:  # time goes on for a while after the last window: its rows do not
            with runtime.store.write() as conn:
                ledger.defer(conn, window.id, window.fence, now + _NEVER, "the scenario has no more windows")
            return True
        index = self.spans.index(window.span)
        word = self.ending(index)
        state, reason = _ENDS[word]
        results = self.results(index) if state in (WindowState.DONE, WindowState.LOW_VOLUME) else []
        with runtime.store.write() as conn:
            reference = profiles.active(conn, window.model)
            ledger.finish(
                conn,
                window.id,
                window.fence,
                now=now,
                state=state,
                reason=reason,
                rows=None if state is WindowState.FAILED else self.rows(index),
                reference_id=None if reference is None or state is WindowState.FAILED else reference.id,
                error_class=_ERRORS.get(word, ""),
                error=reason if word in _ERRORS else "",
                results=results,
            )
        return True

    def rows(self, index: int) -> int:
        """How many the window has."""
        return {"done": ROWS, "low_volume": self.few}.get(self.ending(index), 0)

    @property
    def few(self) -> int:
        """Rows that are too few to judge."""
        return max(1, self.scenario.window.min_rows - 1)

    def ending(self, index: int) -> str:
        """How the window as a whole ends."""
        feed = self.scenario.feed
        return "done" if feed is None else feed[index] or "done"

    def results(self, index: int) -> list[ColumnResult]:
        """What is measured of each series in this window; nothing of one that is silent there."""
        found, few = [], self.few
        for name, said in self.scenario.verdicts.items():
            if (word := said[index]) is not None:
                found.append(of_word(Place.of(name), word, few=few, **self._kind(name)))
            elif self.ending(index) == "low_volume":
                found.append(of_word(Place.of(name), "low_volume", few=few, **self._kind(name)))
        for name, metrics in self.scenario.values.items():
            values = {metric: v for metric, all_ in metrics.items() if (v := all_[index]) is not None}
            z = values.pop(Z, None)
            if self.ending(index) == "low_volume":
                found.append(of_word(Place.of(name), "low_volume", few=few, **self._kind(name)))
            elif values or z is not None:
                found.append(of_values(Place.of(name), values, z, **self._kind(name)))
        return found

    def _kind(self, name: str) -> dict[str, Any]:
        column = self.scenario.columns.get(Place.of(name).column)
        return {
            "role": Role.FEATURE if column is None else column.word,
            "matters": column is None or column.matters,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSource:
    """monitor.source.Source of a scenario: it is asked whether rows came late, and none did."""

    given: Given

    def watermark(self) -> datetime | None:
        raise self._nothing()

    def fingerprint(self, span: Span) -> Fingerprint:
        spans = self.given.spans
        return Fingerprint(rows=self.given.rows(spans.index(span)) if span in spans else 0, newest=None)

    def schema(self) -> Mapping[str, ColumnKind]:
        raise self._nothing()

    def pull(
        self,
        span: Span | None,  # noqa: ARG002  the Protocol's
        wanted: Mapping[str, Kind],  # noqa: ARG002
        moments: Collection[str] = (),  # noqa: ARG002
    ) -> Window:
        raise self._nothing()

    @staticmethod
    def _nothing() -> SourceError:
        return SourceError("a scenario has no rows to read", transient=False)

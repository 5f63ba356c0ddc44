"""What would other rules have made of the same measurements? History judged and folded again, in memory.

The daemon's own functions on the stored rows, from the first window on: under the rules it was judged by, the
same verdicts and incidents come out to the bit. What happened between windows happens again where it did
(another reference in force). Only rules are replayed: what was measured stays what it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from alerting.alert_state import AlertState
from alerting.fold import rebaseline
from alerting.health import Folded, fold_window
from alerting.incident import Incident, ResolveReason, Transition, apply
from alerting.verdict import Severity, Verdict
from detectors._noise import NoiseModel
from monitor.fold_output import worth_keeping
from monitor.lineage import lineage_of
from monitor.realised import beside
from monitor.reference_build import Progress, quiet
from monitor.retold import Met, Said, Tally, compare, matched, tally
from monitor.runtime import Watched
from monitor.stored_window import StoredWindow, judge_stored
from storage import checkpoints, label_windows, measurements, past, profiles, verdicts
from storage.engine import Store
from storage.ledger import DueWindow, Stream, WindowState
from storage.measurements import ColumnResult
from storage.past import PastWindow, Promotion
from storage.profiles import Reference
from storage.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """The same windows under two sets of rules."""

    windows: int  # that start in the span asked for
    left_out: int  # older ones, of another window spec
    verdicts: int  # that were written down
    alike: int  # of them, those that come out the same to the bit
    otherwise: tuple[Said, ...]  # those with another verdict or severity; others differ in numbers alone
    before: Tally
    after: Tally
    incidents: tuple[Met, ...]  # in the order they opened

    @property
    def same(self) -> bool:
        """Whether the two tellings differ in nothing at all."""
        told = all(met.before is not None and met.after is not None for met in self.incidents)
        return told and not self.otherwise and self.alike == self.verdicts and self.before == self.after


def backtest(
    store: Store, watched: Watched, *, since: datetime, until: datetime, progress: Progress = quiet
) -> Backtest:
    """Judge a model's history under the rules of `watched`; count what lies in [since, until).

    What is older is judged as well: what the rules remember has to come from somewhere.
    """
    with store.read() as conn:
        every = [each for each in past.folded_windows(conn, watched.name) if each.window.span.start < until]
        windows = _of_this_spec(every, str(watched.spec))
        since = max([since, *(each.window.span.start for each in windows[:1])]) if windows else until
        told = past.opened_within(conn, watched.name, since, until)
        life = _Life.begin(conn, watched)
    said: list[Said] = []
    severities: dict[datetime, tuple[Severity, Severity]] = {}
    count = alike = 0
    for index, each in enumerate(windows):
        progress("judging again", index + 1, len(windows))
        start = each.window.span.start
        with store.read() as conn:
            folded = life.live(conn, watched, each)
            stored = verdicts.load(conn, each.window.id) if start >= since else []
        if start < since:
            continue
        compared = compare(each.window, stored, folded)
        said += compared.otherwise
        count, alike = count + compared.verdicts, alike + compared.alike
        before, after = severities.get(start, (Severity.NONE, Severity.NONE))
        severities[start] = (_worse(before, compared.before), _worse(after, compared.after))
    met = matched(told, [each for each in life.incidents.values() if since <= each.opened < until])
    return Backtest(
        windows=len(severities),
        left_out=len(every) - len(windows),
        verdicts=count,
        alike=alike,
        otherwise=tuple(said),
        before=tally([each.before for each in met], [before for before, _ in severities.values()], met),
        after=tally([each.after for each in met], [after for _, after in severities.values()], met),
        incidents=tuple(met),
    )


@dataclass(slots=True, kw_only=True)
class _Life:
    """What is carried from window to window, and what is still to happen in between."""

    references: Mapping[int, Reference]
    versions: Mapping[int, Reference]
    promotions: list[Promotion]  # that have not happened yet, like the removals
    removals: list[datetime]
    in_force: Reference | None = None
    judge: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by stream
    alerts: dict[str, AlertState] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    said: dict[Span, list[Verdict]] = field(default_factory=dict)  # of the inputs
    noise: tuple[int, NoiseModel] = (0, NoiseModel(components={}, windows=0))  # the latest that was used

    @classmethod
    def begin(cls, conn: Connection, watched: Watched) -> "_Life":
        """Before the first window."""
        found = profiles.list_(conn, watched.name)
        return cls(
            references={each.id: each for each in found},
            versions={each.version: each for each in found},
            promotions=past.promotions(conn, watched.name),
            removals=past.removals(conn, watched.name),
        )

    def live(self, conn: Connection, watched: Watched, each: PastWindow) -> list[Folded]:
        """One more window: what lies before it, then its verdicts after the fold."""
        window = _restated(each.window, watched.config.window.min_rows)
        self._pass(window)
        reference = None if window.reference_id is None else self.references.get(window.reference_id)
        judged = reference is not None and each.noise_id is not None
        stored = StoredWindow(
            window=window,
            reference=reference or self.in_force,
            noise=self._noise(conn, each.noise_id) if judged and each.noise_id is not None else None,
            results=self._results(conn, window),
            versions=self._of_versions(conn, window) if judged else {},
        )
        stream = str(window.stream)
        said, self.judge[stream] = judge_stored(watched, stored, self.judge.get(stream))
        folded = fold_window(self.alerts, said, watched.folding)
        self.alerts = dict(folded.states)
        self._note(folded.transitions, lineage_of(window, stored.reference))
        kept = worth_keeping(folded)
        if window.stream is Stream.INPUTS:
            # Labels ask later what was said; words and numbers they do not.
            self.said[window.span] = [replace(item.verdict, facts={}, title="") for item in kept]
        return kept

    def _results(self, conn: Connection, window: DueWindow) -> list[ColumnResult]:
        """As the fold sees them: what labels say, beside what these rules said of the same rows."""
        results = measurements.load(conn, window.id)
        if window.stream is Stream.INPUTS or not results:
            return results
        inputs = label_windows.inputs_of(conn, window.model, window.span)
        if inputs is None:
            return results
        before = measurements.load(conn, inputs.id)
        return [beside(result, before, self.said.get(window.span, ())) for result in results]

    def _pass(self, window: DueWindow) -> None:
        """What happened between the window before and this one."""
        while self.removals and self.removals[0] <= (window.folded_at or self.removals[0]):
            self._close(ResolveReason.REMOVED, self.removals.pop(0))
        while self.promotions:
            promotion = self.promotions[0]
            promoted = self.versions.get(promotion.version)
            # At the very instant of the fold, what the window was measured on tells which came first.
            measured_on_it = promoted is not None and promoted.id == window.reference_id
            if window.folded_at is not None and (promotion.at, not measured_on_it) > (
                window.folded_at,
                False,
            ):
                return
            self.promotions.pop(0)
            self.in_force = promoted
            if not promotion.moved:
                self._close(ResolveReason.REBASELINED, promotion.at)

    def _close(self, reason: ResolveReason, at: datetime) -> None:
        for fingerprint, state in list(self.alerts.items()):
            self.alerts[fingerprint], transitions = rebaseline(state, reason, at)
            self._note(transitions)

    def _note(self, transitions: Sequence[Transition], lineage: Mapping[str, object] | None = None) -> None:
        for each in transitions:
            self.incidents[each.incident_id] = apply(self.incidents.get(each.incident_id), each, lineage)

    def _of_versions(self, conn: Connection, window: DueWindow) -> dict[str, tuple[int, NoiseModel]]:
        """What model versions with a reference of their own were judged with."""
        state = checkpoints.judge_state_of(conn, window.id) or {}
        return {version: _load_noise(conn, number) for version, number in state.get("versions", {}).items()}

    def _noise(self, conn: Connection, noise_id: int) -> tuple[int, NoiseModel]:
        if noise_id != self.noise[0]:
            self.noise = _load_noise(conn, noise_id)
        return self.noise


def _load_noise(conn: Connection, noise_id: int) -> tuple[int, NoiseModel]:
    found = profiles.get_noise(conn, noise_id)
    return noise_id, NoiseModel.from_json(found.content) if found else NoiseModel(components={}, windows=0)


def _of_this_spec(windows: Sequence[PastWindow], spec: str) -> list[PastWindow]:
    """Those after the last one that was judged as a window of another length: time is not cut anew."""
    other = [index for index, each in enumerate(windows) if each.noise_spec not in ("", spec)]
    return list(windows[other[-1] + 1 :] if other else windows)


def _restated(window: DueWindow, min_rows: int) -> DueWindow:
    """Whether a measured window has enough rows to be judged is a rule as well."""
    measured = window.stream is Stream.INPUTS and window.state in (WindowState.DONE, WindowState.LOW_VOLUME)
    if not measured or window.rows is None:
        return window
    few = window.rows < min_rows
    return replace(window, state=WindowState.LOW_VOLUME if few else WindowState.DONE)


def _worse(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=lambda severity: severity.level)

"""How does a scenario go through the daemon's own path? Moment by moment, with a clock that is moved by hand.

Values are given where the daemon would read and measure (steps 4 to 6 of docs/architecture.md); everything
else, from the plan to the courier, is `monitor.daemon.one_pass`. The clock goes from one instant at which
something may happen to the next: a window falls due, a person acts, a retry, a reminder. While a group is
open the daemon looks at every full hour as well: a timer that is not known here is late, not lost.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from alerting.courier import Courier
from monitor.clock import SteppedClock
from monitor.daemon import one_pass
from monitor.escalating import moments
from monitor.opening import open_runtime, own
from monitor.routing import group_policies
from monitor.runtime import Runtime
from monitor.scenario.columns import Given, GivenSource, places
from monitor.scenario.found import Found, found
from monitor.scenario.model import Scenario
from monitor.scenario.notation import Moment
from monitor.scenario.numbers import LIMITS
from monitor.scenario.reference import first_reference
from monitor.scenario.settings import config_of, start_of
from monitor.scenario.stage import Ear, Outage, Stage
from monitor.windows import windows
from storage import groups
from storage.span import Span
from storage.timers import timers

HOUR = timedelta(hours=1)
FAR = timedelta(days=366 * 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The moments of a scenario as instants."""

    start: datetime
    dues: Sequence[datetime]  # of each window

    def at(self, moment: Moment) -> datetime:
        base = self.start if moment.window is None else self.dues[moment.window - 1]
        return base + moment.later

    def moment(self, at: datetime) -> Moment:
        """As a person would write it: from the latest window that was due."""
        behind = sum(due <= at for due in self.dues)
        if not behind:
            return Moment(later=at - self.start)
        return Moment(window=behind, later=at - self.dues[behind - 1])


def play(scenario: Scenario, database: Path) -> Found:
    """Live it through on this database, which has the schema and nothing in it.

    `Impossible` when an action cannot be done at its moment.
    """
    spans, times = spans_of(scenario), times_of(scenario)
    clock = SteppedClock(times.start)
    ears = {name: _ear(scenario, name, clock, times) for name in scenario.channels}
    with open_runtime(config_of(scenario, database), clock) as opened:
        watched, said = opened.models[scenario.model], Given(scenario=scenario, spans=spans)
        judging = replace(watched.judging, thresholds=(*watched.judging.thresholds, LIMITS))
        runtime = replace(
            opened,
            channels=dict(ears),
            models={scenario.model: replace(watched, judging=judging, source=GivenSource(given=said))},
        )
        stage = Stage(
            runtime=runtime, clock=clock, model=scenario.model, spans=spans, places=places(scenario)
        )
        before = Span(start=spans[0].start - (spans[0].end - spans[0].start), end=spans[0].start)
        with runtime.store.write() as conn:
            first_reference(conn, scenario.model, stage.places, before, str(watched.spec))
        _live(stage, scenario, times, said, ears.values())
        return found(stage, ears, times.moment)


def spans_of(scenario: Scenario) -> list[Span]:
    """Its windows: the first one that starts at `start` or after, and those that follow."""
    start = start_of(scenario)
    whole = (span for span in windows(scenario.window.spec, start, start + FAR) if span.start >= start)
    return list(islice(whole, scenario.windows))


def times_of(scenario: Scenario) -> Times:
    """When its windows are due."""
    spans = spans_of(scenario)
    return Times(start=spans[0].start, dues=[span.end + scenario.window.settle for span in spans])


def _ear(scenario: Scenario, name: str, clock: SteppedClock, times: Times) -> Ear:
    said = scenario.channels[name]
    outages = [
        Outage(
            start=times.at(each.from_),
            end=times.at(each.to),
            failure=each.word,
            retry_after_s=each.retry_after_s,
        )
        for each in said.down
    ]
    return Ear(name=name, clock=clock, threads=said.threads, outages=outages)


def _live(stage: Stage, scenario: Scenario, times: Times, said: Given, ears: Collection[Ear]) -> None:
    """From the start to a while after the last window, each moment once."""
    clock, end = stage.clock, times.dues[-1] + scenario.lasts
    acts = sorted(scenario.actions, key=lambda act: times.at(act.at))
    outages = [(times.at(each.from_), times.at(each.to)) for each in scenario.down]
    marks = {*times.dues, *(times.at(act.at) for act in acts), *(edge for pair in outages for edge in pair)}
    marks |= {
        edge
        for ear in scenario.channels.values()
        for each in ear.down
        for edge in (times.at(each.from_), times.at(each.to))
    }
    tick = timedelta(seconds=stage.runtime.config.daemon.tick_s)
    with _Daemon(stage, said) as daemon:
        while True:
            now, before = clock.now(), _asked(ears)
            daemon.look(up=not any(start <= now < back for start, back in outages))
            while acts and times.at(acts[0].at) <= now:
                acts.pop(0).perform(stage)
                daemon.look(up=daemon.is_up)
            if _asked(ears) != before:
                marks.add(now + tick)  # what came of a send may be news, and the next tick tells it
            ahead = {
                at for at in (*marks, *(_timers(stage.runtime, now) if daemon.is_up else ())) if at > now
            }
            if not ahead or min(ahead) > end:
                return
            clock.advance_to(min(ahead))


def _asked(ears: Collection[Ear]) -> int:
    return sum(ear.asked for ear in ears)


class _Daemon:
    """The one daemon of the scenario's database, which may be gone for a while: then its locks are free."""

    def __init__(self, stage: Stage, said: Given) -> None:
        self._stage, self._said = stage, said
        self._life: ExitStack | None = None
        self._couriers: tuple[Courier, ...] = ()

    @property
    def is_up(self) -> bool:
        return self._life is not None

    def look(self, *, up: bool) -> None:
        """One pass of the daemon's own steps, by a daemon that starts first or has to go."""
        if not up:
            self._end()
            return
        if self._life is None:
            self._life = ExitStack()
            couriers = self._life.enter_context(own(self._stage.runtime))
            # No second of ours passes in a scenario: retries are due to the second.
            self._couriers = tuple(replace(c, monotonic=self._stage.clock.monotonic) for c in couriers)
        one_pass(self._stage.runtime, self._couriers, evaluate=self._said.evaluate)

    def _end(self) -> None:
        life, self._life, self._couriers = self._life, None, ()
        if life is not None:
            life.close()

    def __enter__(self) -> "_Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


def _timers(runtime: Runtime, now: datetime) -> Iterator[datetime]:
    """Everything that may move by itself: in the database, and by the pace of each group there is to tell."""
    with runtime.store.read() as conn:
        yield from timers(conn)
        open_groups = groups.to_look_at(conn)
        steps = [at for group in open_groups for at in moments(conn, runtime.config, group)]
    yield from steps
    if open_groups:
        yield _next_hour(runtime, now)
    for group in open_groups:
        policy = group_policies(runtime.config, group.labels["model"]).get(group.channel)
        paces = [] if policy is None else [getattr(policy, field.name) for field in fields(policy)]
        hours = [] if policy is None else [*policy.quiet, *(each for r in policy.routes for each in r.quiet)]
        yield from (end for each in hours if (end := each.until(now)) is not None)
        for since in (group.dirty_since, group.flushed):
            if since is not None:
                yield from (since + pace for pace in paces if isinstance(pace, timedelta))


def _next_hour(runtime: Runtime, now: datetime) -> datetime:
    """On the clocks of the windows' zone: what is told at an hour of the day is told on the hour."""
    (watched,) = runtime.models.values()
    local = now.astimezone(ZoneInfo(watched.config.window.zone))
    return now + HOUR - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)

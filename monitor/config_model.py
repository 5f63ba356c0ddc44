"""What can be said about one model: its rows, columns, windows, reference and policy?"""

from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from monitor.config_types import (
    Duration,
    Every,
    MemberConfig,
    Moment,
    Names,
    PositiveDuration,
    Room,
    Sensitivity,
    Share,
    Task,
    Zone,
    in_zone,
)
from monitor.windows import WindowSpec
from storage.span import Span

READ_LIMIT = timedelta(minutes=5)
LEAST_TRAILING = 20  # as detectors._noise.ENOUGH_WINDOWS; a test holds them equal


class ColumnsConfig(Room):
    """Which column is what. Globs are resolved against the source when a reference is built."""

    features: Names = ("*",)
    exclude: Names = ()
    categorical: Names = ()
    include: Names = ()  # kept although they look like identifiers
    score: str | dict[str, str] | None = None  # binary: probability; multiclass: {class = column}
    prediction: str | None = None
    segments: Names = ()
    version: str | None = None  # of the model that answered: rows of several are told apart
    latency_ms: str | None = None
    error: str | None = None  # whether the answer was an error: not 0, not empty, not "ok"
    shadow: str | dict[str, str] | None = None  # a second score on the same rows, written like `score`

    @model_validator(mode="after")
    def _segmented(self) -> Self:
        second = set(self.shadow.values()) if isinstance(self.shadow, dict) else {self.shadow}
        for name in self.segments:
            if name in second:
                raise ValueError(
                    f"segments: {name} is a second score (`shadow`), a number in every row: no slice of rows "
                    "has it; leave it out"
                )
        return self


class LabelsConfig(Room):
    """Where the truth arrives, possibly late."""

    source: MemberConfig | None = None  # without: `column` is in the model's own source
    key: str | None = None
    column: str
    available_at: str | None = None
    max_delay: PositiveDuration = timedelta(days=7)
    min_share: Share = 0.95

    @model_validator(mode="after")
    def _joined(self) -> Self:
        if self.source is not None and self.key is None:
            raise ValueError("key: is needed where labels have a source of their own")
        given = self.source.options.get("timestamp") if self.source is not None else None
        if given not in (None, self.available_at):
            raise ValueError("source.timestamp: leave it out: the time of a label is `labels.available_at`")
        return self


class WindowConfig(Room):
    """How time is cut, and how long a window waits for its rows."""

    every: Every = "1d"
    zone: Zone = "UTC"
    offset: Duration = timedelta(0)
    settle: Duration = timedelta(minutes=10)
    ready: Literal["watermark", "clock"] = "watermark"
    lateness: Duration = timedelta(hours=24)
    catch_up: PositiveDuration = timedelta(days=14)
    give_up: PositiveDuration | None = None  # None: the larger of 6 h and the interval
    read_limit: PositiveDuration | None = None  # None: half the interval, five minutes at most
    min_rows: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _ = self.spec
        return self

    @property
    def spec(self) -> WindowSpec:
        return WindowSpec.parse(self.every, zone=self.zone, offset=self.offset)

    @property
    def patience(self) -> timedelta:
        """How long after `due` a window may wait for its rows."""
        return self.give_up or max(timedelta(hours=6), self.spec.nominal)

    @property
    def read_within(self) -> timedelta:
        """How long the source may take over one window."""
        return self.read_limit or min(self.spec.nominal / 2, READ_LIMIT)


class PeriodConfig(Room):
    """[from, to); without an offset in the window's zone."""

    from_: Moment = Field(alias="from")
    to: Moment


class ReferenceConfig(Room):
    """What normal is: a file or table of its own, or a span of the production source."""

    source: MemberConfig | None = None
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    exclude: tuple[PeriodConfig, ...] = Field(default=(), strict=False)
    run: str | None = Field(default=None, min_length=1, max_length=200)  # the training run it was made by
    label: str | None = None  # the outcome's column in the reference; default: the one `labels` names
    trailing: PositiveDuration | None = None  # then the latest windows of production; None: it stays
    refresh: PositiveDuration = timedelta(days=7)  # how often a trailing one moves
    memory_mb: int = Field(default=64, ge=1)  # of rows held at once; more are read in parts, again and again

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.source is None and (self.from_ is None or self.to is None):
            raise ValueError(
                "must have `source`, or both `from` and `to` for a span of the production source"
            )
        return self


class ThresholdConfig(Room):
    """A plain limit on a reported metric, judged beside the calibrated policy."""

    metric: str
    column: str = "*"
    ticket: float | None = None
    page: float | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.ticket is None and self.page is None:
            raise ValueError("must have `ticket`, `page` or both")
        return self


class FloorsConfig(Room):
    """The least change that is worth a word (docs/detectors.md); None: the built-in floor."""

    column: str = "*"
    sd: float | None = Field(default=None, ge=0)  # a numeric column's components, in reference sd
    share: Share | None = None  # of a category's level
    missing: Share | None = None
    unseen: Share | None = None
    out_of_range: Share | None = None
    stuck: Share | None = None
    accuracy: Share | None = None  # of rows; of a regression's reference MAE
    calibration: Share | None = None  # of mean(y − score), the Brier score, the score given the features
    correlation: Share | None = None  # of two columns
    rows: float | None = Field(default=None, ge=0)  # log of the window's rows: 0.2 is a fifth
    errors: Share | None = None  # of rows


class PolicyConfig(Room):
    """When a person is told."""

    sensitivity: Sensitivity = "default"
    fire_after: int = Field(default=2, ge=1)
    fire_within: int = Field(default=3, ge=1)
    resolve_after: int = Field(default=3, ge=1)
    health_for: int = Field(default=2, ge=1)  # windows
    reopen_within: int = Field(default=6, ge=0)  # windows
    important: Names = ()  # columns that matter whatever their harm
    thresholds: tuple[ThresholdConfig, ...] = Field(default=(), strict=False)
    floors: tuple[FloorsConfig, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.fire_after > self.fire_within:
            raise ValueError(
                f"fire_after: must be ≤ fire_within, got {self.fire_after} of {self.fire_within} windows"
            )
        return self


class RetrainingConfig(Room):
    """Whether drift may ask for a new model. `dry_run` says what it would have sent."""

    mode: Literal["off", "dry_run", "approve", "auto"] = "dry_run"
    ask: Literal["retraining", "rollback"] = "retraining"  # rollback: to the model that answered before
    target: str | None = None  # a channel that takes requests (monitor/targets.py)
    breached: int = Field(default=3, ge=1)  # n …
    within: int = Field(default=5, ge=1)  # … of the last m windows breached
    min_rows: int = Field(default=200, ge=1)  # in each breached window that counts
    min_severity: Literal["ticket", "page"] = "page"
    cooldown: Duration = timedelta(days=7)
    max_a_day: int = Field(default=1, ge=1)
    max_in_30_days: int = Field(default=4, ge=1)
    approve_within: PositiveDuration = timedelta(hours=24)  # a proposal that nobody answered ends then
    in_flight_limit: PositiveDuration = timedelta(hours=24)  # so does a request that nobody reported on
    improve_within: PositiveDuration = timedelta(days=14)  # after a success
    reference: Literal["hand", "auto"] = "hand"  # who builds the new model's reference and puts it in force

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.breached > self.within:
            raise ValueError(f"breached: must be ≤ within, got {self.breached} of {self.within} windows")
        if self.max_a_day > self.max_in_30_days:
            raise ValueError(
                f"max_a_day: must be ≤ max_in_30_days, got {self.max_a_day} of {self.max_in_30_days}"
            )
        if self.mode in ("approve", "auto") and self.target is None:
            raise ValueError(f'target: is needed for mode = "{self.mode}"')
        return self


class ModelConfig(Room):
    """One watched model. The name is the table's."""

    task: Task
    paused: bool = False  # not evaluated, not judged; its open incidents end as paused
    runbook: str | None = None
    source: MemberConfig
    columns: ColumnsConfig = ColumnsConfig()
    labels: LabelsConfig | None = None
    window: WindowConfig = WindowConfig()
    reference: ReferenceConfig
    policy: PolicyConfig = PolicyConfig()
    detectors: dict[str, dict[str, Any]] = Field(default_factory=dict)
    retraining: RetrainingConfig = RetrainingConfig()

    @model_validator(mode="after")
    def _fits_task(self) -> Self:
        score = self.columns.score
        if self.task == "multiclass" and isinstance(score, str):
            raise ValueError('columns.score: must be a table { class = "column" } for task = "multiclass"')
        if self.task != "multiclass" and isinstance(score, dict):
            raise ValueError(f'columns.score: must be one column name for task = "{self.task}"')
        shadow = self.columns.shadow
        if shadow is not None and (
            score is None
            or isinstance(shadow, dict) is not isinstance(score, dict)
            or (isinstance(shadow, dict) and isinstance(score, dict) and set(shadow) != set(score))
        ):
            raise ValueError("columns.shadow: must be written like columns.score, with the same classes")
        if self.reference_span is None and self.reference.from_ is not None and self.reference.to is not None:
            raise ValueError("reference: `from` must lie before `to`")
        trailing = self.reference.trailing
        if trailing is not None and trailing < LEAST_TRAILING * self.window.spec.nominal:
            raise ValueError(
                f"reference.trailing: must hold at least {LEAST_TRAILING} windows of {self.window.every}"
            )
        if trailing is not None and self.retraining.reference == "auto":
            raise ValueError(
                'retraining.reference: must be "hand" beside reference.trailing, which moves by itself'
            )
        return self

    @property
    def reference_span(self) -> Span | None:
        """The reference's [from, to), UTC; None where it is all of its source."""
        if self.reference.from_ is None or self.reference.to is None:
            return None
        start = in_zone(self.reference.from_, self.window.zone)
        end = in_zone(self.reference.to, self.window.zone)
        return Span(start=start, end=end) if start < end else None

    @property
    def excluded_spans(self) -> tuple[Span, ...]:
        """Spans the reference leaves out."""
        zone = self.window.zone
        return tuple(
            Span(start=in_zone(period.from_, zone), end=in_zone(period.to, zone))
            for period in self.reference.exclude
        )

    @property
    def label_column(self) -> str | None:
        """Where the reference says what was true."""
        return self.reference.label or (self.labels.column if self.labels else None)

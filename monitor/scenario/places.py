"""Which series does a name mean? `distance`, `distance @ origin=JFK`, or `feed`: the rows as such."""

from dataclasses import dataclass

from alerting.series import Series

FEED = "feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A column of the whole or of one slice; column "" is the data feed."""

    column: str
    segment: str = ""

    def __str__(self) -> str:
        name = self.column or FEED
        return f"{name} @ {self.segment}" if self.segment else name

    @classmethod
    def of(cls, name: str) -> "Place":
        column, _, segment = (part.strip() for part in name.partition("@"))
        return cls(column="" if column == FEED else column, segment=segment)

    def series(self, model: str, *, rule: str = "") -> Series:
        return Series(model=model, column=self.column, segment=self.segment, rule=rule)

"""Laws of the heat map in a terminal."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.verdict import Severity, VerdictKind
from monitor.heat_lines import GLYPHS, Heat, counts, footer, heat_lines, squeezed
from storage.due_window import WindowState
from storage.heat_map import HeatMap, Said
from storage.span import Span

T0 = datetime(2013, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PAGE = Said(kind=VerdictKind.BREACH, severity=Severity.PAGE)
TICKET = Said(kind=VerdictKind.BREACH, severity=Severity.TICKET)
ALONE = Said(kind=VerdictKind.BREACH, severity=Severity.NONE)
HOLD = Said(kind=VerdictKind.HOLD, severity=Severity.NONE)


def of(states: list[WindowState], said: dict[str, dict[int, Said]], unjudged: int = 0) -> HeatMap:
    spans = [Span(start=T0 + n * DAY, end=T0 + (n + 1) * DAY) for n in range(len(states))]
    return HeatMap(
        windows=dict(zip(spans, states, strict=True)),
        judged=frozenset(span.start for span in spans[: len(spans) - unjudged]),
        said={name: {T0 + n * DAY: each for n, each in cells.items()} for name, cells in said.items()},
    )


def test_the_worst_column_is_the_first() -> None:
    """A page outweighs any number of tickets, a ticket any number of holds."""
    states = [WindowState.DONE] * 4
    lines = heat_lines(
        of(
            states,
            {"a": {0: HOLD, 1: HOLD}, "b": dict.fromkeys(range(4), TICKET), "c": {3: PAGE}, "d": {0: ALONE}},
        )
    )
    assert [line.column for line in lines] == ["c", "b", "d", "a"]
    assert "".join(GLYPHS[heat] for heat in lines[0].heats) == "···█"
    assert counts(lines[3]) == "2 holds"


def test_what_was_not_judged_is_not_clear() -> None:
    """No data, a failure, and a window that waits are blank."""
    states = [
        WindowState.DONE,
        WindowState.NO_DATA,
        WindowState.FAILED,
        WindowState.DONE,
        WindowState.PLANNED,
    ]
    (line,) = heat_lines(of(states, {"a": {0: PAGE}}, unjudged=1))
    assert line.heats == (Heat.PAGE, Heat.NOTHING, Heat.NOTHING, Heat.CLEAR, Heat.NOTHING)


@given(st.lists(st.sampled_from(list(Heat)), max_size=300), st.integers(1, 120))
def test_squeezing_keeps_the_worst(heats: list[Heat], width: int) -> None:
    """It fits, nothing bad is lost, and the newest group ends with the newest window."""
    drawn = squeezed(heats, width)
    assert len(drawn) <= width
    if heats:
        order = list(Heat)
        assert min(drawn, key=order.index) == min(heats, key=order.index)
        assert order.index(drawn[-1]) <= order.index(heats[-1])
    if len(heats) <= width:
        assert drawn == heats


def test_the_footer_says_what_a_character_is() -> None:
    """And what was left out, with the way to it."""
    found = of([WindowState.DONE] * 90, {})
    one, _, more = footer(found, 40, "America/New_York", 5, 7)
    assert (
        one == "2013-04-30 20:00 to 2013-07-29 20:00, 90 windows; a character is 3 windows, the worst of them"
    )
    assert more.startswith("2 more columns")
    assert "a character is a window" in next(footer(found, 90, "UTC", 5, 5))

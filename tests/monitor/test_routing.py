"""Laws of routing: who hears of a model, and about what."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerting.fold import FoldPolicy, fold
from alerting.incident import Incident, apply
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from monitor.config import Config
from monitor.config_file import parse
from monitor.routing import group_policies, groups_of

START = datetime(2026, 6, 15, tzinfo=UTC)
HEAD = """
[channels.a]
kind = "log"

[channels.b]
kind = "log"

[models.churn-eu]
task = "binary"
runbook = "https://runbooks/churn"
source = { kind = "parquet", path = "x", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "r" } }
window = { zone = "Europe/Helsinki" }
"""


def config(*routes: str) -> Config:
    text = HEAD + "".join(f"\n[[routes]]\n{route}\n" for route in routes)
    return parse(text, path=Path("leeway.toml"))


def incident(severity: Severity, model: str = "churn-eu") -> Incident:
    verdict = Verdict(
        series=Series(model=model, column="amount"),
        start=START,
        end=START + timedelta(days=1),
        kind=VerdictKind.BREACH,
        incident_kind=IncidentKind.DRIFT,
        severity=severity,
        sure=True,
    )
    opened = fold(None, verdict, FoldPolicy()).transitions[0]
    found = apply(None, opened)
    assert found is not None
    return found


def test_without_a_route_nobody_is_told() -> None:
    """History still holds everything."""
    assert group_policies(config(), "churn-eu") == {}
    assert groups_of(config(), incident(Severity.PAGE)) == []


def test_a_route_without_a_severity_is_about_pages() -> None:
    """A ticket wakes nobody, and rings no channel that did not ask for tickets."""
    routed = config('channels = ["a"]')
    assert group_policies(routed, "churn-eu")["a"].severities == {Severity.PAGE}
    assert [group.channel for group in groups_of(routed, incident(Severity.PAGE))] == ["a"]
    assert groups_of(routed, incident(Severity.TICKET)) == []


def test_a_model_is_matched_by_a_glob() -> None:
    """Case counts."""
    routed = config('match = { model = "churn-*" }\nchannels = ["a"]')
    assert group_policies(routed, "churn-eu").keys() == {"a"}
    assert group_policies(routed, "Churn-eu") == {}
    assert group_policies(routed, "fraud") == {}


def test_several_routes_to_one_channel_add_up() -> None:
    """One thread holds what any of them asks for."""
    routed = config('channels = ["a", "b"]', 'match = { severity = "ticket" }\nchannels = ["a"]')
    found = group_policies(routed, "churn-eu")
    assert found["a"].severities == {Severity.PAGE, Severity.TICKET}
    assert found["b"].severities == {Severity.PAGE}
    assert [group.channel for group in groups_of(routed, incident(Severity.TICKET))] == ["a"]


def test_runbook_and_zone_are_the_models() -> None:
    """A model that left the config has none: its times are told in UTC."""
    routed = config('channels = ["a"]')
    known, gone = group_policies(routed, "churn-eu")["a"], group_policies(routed, "gone")["a"]
    assert (known.runbook, known.zone) == ("https://runbooks/churn", "Europe/Helsinki")
    assert (gone.runbook, gone.zone) == (None, "UTC")


def test_a_group_is_a_channel_and_a_model() -> None:
    """Two models never share a thread."""
    routed = config('channels = ["a"]')
    keys = {groups_of(routed, incident(Severity.PAGE, model))[0].key for model in ("churn-eu", "other")}
    assert len(keys) == 2

"""Laws of routing: who hears of a model, and about what."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerting.fold import FoldPolicy, fold
from alerting.incident import Incident, apply
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from monitor.config import Config
from monitor.config_file import parse
from monitor.config_problem import ConfigError
from monitor.routing import escalation_groups, group_policies, groups_of

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


def test_a_route_takes_what_its_keys_say() -> None:
    """Kind, column, slice and version narrow it down; what several routes take adds up."""
    routed = config(
        'match = { kind = "data" }\nchannels = ["a"]',
        'match = { column = "am*", kind = ["drift", "performance"] }\nchannels = ["b"]',
    )
    seen = incident(Severity.PAGE)
    assert [group.channel for group in groups_of(routed, seen)] == ["b"]
    assert [group.channel for group in groups_of(routed, replace(seen, kind=IncidentKind.DATA))] == ["a"]
    other = replace(seen, series=Series(model="churn-eu", column="age"))
    assert groups_of(routed, other) == []


def test_an_escalation_leads_to_a_channel_that_no_route_does() -> None:
    """It wants nothing by itself, has its own hours, and may be told."""
    routed = config('channels = ["a"]\nescalation = [{ after = "30m", channel = "b" }]')
    found = group_policies(routed, "churn-eu")
    assert found.keys() == {"a", "b"}
    assert not found["b"].wants(incident(Severity.PAGE))
    assert [group.channel for group in groups_of(routed, incident(Severity.PAGE))] == ["a"]
    assert [group.channel for group in escalation_groups(routed, incident(Severity.PAGE))] == ["b"]
    assert escalation_groups(routed, incident(Severity.TICKET)) == []


def test_quiet_hours_are_read_on_a_clock_of_somebody() -> None:
    """Their own zone, else the channel's, else the model's."""
    text = HEAD.replace(
        '[channels.b]\nkind = "log"',
        '[channels.b]\nkind = "log"\nzone = "Asia/Tokyo"\nquiet = [{ from = "22:00", to = "07:00" }, '
        '{ days = ["sat"], zone = "UTC" }]',
    )
    route = '[[routes]]\nchannels = ["b"]\nquiet = { from = 20:00:00, to = 06:00:00, pages = true }\n'
    policy = group_policies(parse(f"{text}\n{route}", path=Path("leeway.toml")), "churn-eu")["b"]
    assert [each.zone for each in policy.quiet] == ["Asia/Tokyo", "UTC"]
    assert [sorted(each.days) for each in policy.quiet] == [[0, 1, 2, 3, 4, 5, 6], [5]]
    (night,) = policy.routes[0].quiet
    assert (night.zone, night.start.hour, night.end.hour, night.pages) == ("Europe/Helsinki", 20, 6, True)
    assert policy.digest_zone == "Asia/Tokyo"


def test_leeways_own_troubles_are_for_those_who_look_after_everything() -> None:
    """Routes of some columns are for others; where there are no wider ones better they than nobody."""
    narrow, wide = 'match = { column = "x" }\nchannels = ["a"]', 'channels = ["b"]'
    assert group_policies(config(narrow, wide), "").keys() == {"b"}
    assert group_policies(config(narrow), "").keys() == {"a"}
    daemon = 'match = { kind = "daemon" }\nchannels = ["a"]'
    assert group_policies(config(daemon, wide), "").keys() == {"a", "b"}
    assert group_policies(config(daemon), "").keys() == {"a"}


@pytest.mark.parametrize(
    ("route", "complaint"),
    [
        ('channels = ["a"]\nescalation = [{ after = "1h", channel = "c" }]', "escalation[0].channel"),
        ('channels = ["a"]\nescalation = [{ after = "1h", channel = "a" }]', "must lead to another channel"),
        (
            'channels = ["a"]\n'
            'escalation = [{ after = "1h", channel = "b" }, { after = "5m", channel = "b" }]',
            "in the order of `after`",
        ),
        (
            'match = { severity = "ticket" }\nchannels = ["a"]\n'
            'escalation = [{ after = "1h", channel = "b" }]',
            "a ticket wakes nobody",
        ),
        ('channels = ["a"]\nquiet = { pages = true }', "a time of the week at which somebody is told"),
        (
            'channels = ["a"]\nquiet = [{ from = "07:00", to = "19:00", pages = true }, '
            '{ from = "19:00", to = "07:00", pages = true }]',
            "a time of the week at which somebody is told",
        ),
        (
            'channels = ["a"]\nquiet = [{ days = ["mon", "tue", "wed", "thu", "fri"], pages = true }, '
            '{ days = ["sat"], to = "12:00", pages = true }, '
            '{ days = ["sat"], from = "11:00", pages = true }, { days = ["sun"], pages = true }]',
            "a time of the week at which somebody is told",
        ),
        ('channels = ["a"]\nquiet = { from = "25:00", to = "07:00" }', "must be a time of the day"),
        ('channels = ["a"]\nquiet = { from = "22:00", days = ["sunday"] }', "quiet"),
        ('match = { kind = "drifting" }\nchannels = ["a"]', "routes[0].match.kind"),
    ],
)
def test_what_cannot_be_meant_is_refused(route: str, complaint: str) -> None:
    """With the place and what was expected."""
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        config(route)


@pytest.mark.parametrize(
    "quiet",
    [
        '[{ from = "07:00", to = "19:00", pages = true }, { from = "19:00", to = "06:59", pages = true }]',
        '[{ from = "07:00", to = "19:00", pages = true }, { from = "19:00", to = "07:00" }]',
        '[{ days = ["mon", "tue", "wed", "thu", "fri"], pages = true }, { days = ["sat"], pages = true }]',
    ],
)
def test_an_hour_of_the_week_is_enough(quiet: str) -> None:
    """Pages are told in it; tickets may wait for ever."""
    config(f'channels = ["a"]\nquiet = {quiet}')

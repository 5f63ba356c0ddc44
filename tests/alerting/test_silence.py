"""Laws of silences: what they cover, for how long, and that no matcher can cost time."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.fold import FoldPolicy
from alerting.incident import Incident
from alerting.series import Series
from alerting.silence import (
    LABELS,
    LONGEST,
    LONGEST_TEXT,
    Matcher,
    Operator,
    Silence,
    expire,
    labels_of,
    parse_matcher,
    silenced,
)
from alerting.verdict import IncidentKind, Severity
from tests.alerting.verdicts import START, incidents, run

NOW = START + timedelta(days=2)
HOUR = timedelta(hours=1)


def incident(column: str = "temp", letters: str = "P", **labels: str) -> Incident:
    series = Series(model="delays", column=column, **labels)
    (only,) = incidents(run(letters, FoldPolicy(), series=series)).values()
    return only


def silence(*matchers: str, lasting: timedelta = HOUR, **changed: object) -> Silence:
    made = Silence.make(
        [parse_matcher(each) for each in matchers],
        until=NOW + lasting,
        author="ada",
        comment="a migration",
        now=NOW,
    )
    return replace(made, **changed)  # type: ignore[arg-type]  # any field, by name


@pytest.mark.parametrize(
    ("matcher", "covered"),
    [
        ("model=delays", True),
        ("model=delay", False),
        ("model!=delays", False),
        ("column=temp", True),
        ("column!=dew", True),
        ("column~te*", True),
        ("column~t?mp", True),
        ("column~TE*", False),  # upper and lower case apart
        ("column~*[em]*", False),  # no sets: a bracket is a bracket
        ("segment=", True),
        ("segment~*", True),
        ("kind=drift", True),
        ("kind!=data", True),
        ("severity=page", True),
        ("severity=ticket", False),
        ("rule=data_health", False),
        ("version=", True),
    ],
)
def test_matchers(matcher: str, covered: bool) -> None:
    """Every label and operator."""
    assert silence(matcher).covers(incident()) is covered


def test_all_matchers_must_agree() -> None:
    """Two that each cover it cover it; one that does not is enough."""
    assert silence("model=delays", "column~t*").covers(incident())
    assert not silence("model=delays", "column~x*").covers(incident())


def test_labels_cover_the_health_of_the_same_labels() -> None:
    """Whoever silences a column or a model also hears nothing of its data."""
    health = replace(
        incident(), series=replace(incident().series, rule="data_health"), kind=IncidentKind.DATA
    )
    assert silence("model=delays", "column=temp").covers(health)


def test_a_severity_that_rises_leaves_its_silence() -> None:
    """Silencing tickets does not swallow a page."""
    tickets = silence("severity=ticket")
    assert tickets.covers(incident(letters="T"))
    assert not tickets.covers(replace(incident(letters="T"), severity=Severity.PAGE))


def test_labels_are_those_we_say() -> None:
    """What a matcher may name is what incidents have."""
    assert tuple(labels_of(incident())) == LABELS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("column", "is no matcher"),
        ("", "is no matcher"),
        ("=x", 'no label ""'),
        ("colum=x", 'no label "colum"'),
        ("column=~temp.*", "no regular expressions"),
        ("column!~temp.*", "no regular expressions"),
        ("column!", "is no matcher"),
        ("kind=drft", 'no kind "drft"'),
        ("severity=urgent", "ticket, page"),
        (f"column={'x' * (LONGEST_TEXT + 1)}", "at most"),
    ],
)
def test_wrong_matchers_are_refused_in_words(text: str, words: str) -> None:
    """A typo must not silence nothing, or everything, without a word."""
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_matcher(text)


def test_a_value_may_hold_what_looks_like_an_operator() -> None:
    """Only the first operator counts."""
    assert parse_matcher("segment=origin=JFK") == Matcher(
        label="segment", operator=Operator.IS, value="origin=JFK"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"matchers": []}, "at least one matcher"),
        ({"until": NOW}, "before it starts"),
        ({"until": NOW + LONGEST + HOUR}, "30 days at most"),
        ({"author": " "}, "name of its author"),
        ({"comment": ""}, "needs a comment"),
        ({"comment": "x" * 501}, "at most 500"),
        ({"matchers": [parse_matcher("model=x")] * 21}, "at most 20"),
    ],
)
def test_rules_of_a_new_silence(changed: dict[str, object], words: str) -> None:
    """An end within 30 days, an author and a comment are not optional."""
    given_ = {
        "matchers": [parse_matcher("model=delays")],
        "until": NOW + HOUR,
        "author": "ada",
        "comment": "why",
        **changed,
    }
    matchers = given_.pop("matchers")
    with pytest.raises(ValueError, match=words):
        Silence.make(matchers, now=NOW, **given_)  # type: ignore[arg-type]  # wrong on purpose


def test_holds_from_its_start_to_its_end() -> None:
    """Half-open, like every interval here; an early end is an end."""
    made = silence("model=delays")
    assert [made.is_active(NOW + minutes * HOUR / 60) for minutes in (0, 59, 60)] == [True, True, False]
    ended = expire(made, by="bob", now=NOW + HOUR / 2)
    assert not ended.is_active(NOW + HOUR / 2)
    assert ended.over == NOW + HOUR / 2
    with pytest.raises(ValueError, match="is over since"):
        expire(ended, by="bob", now=NOW + HOUR)


def test_the_one_that_lasts_longest_is_named() -> None:
    """Of several that cover an incident."""
    short, long = silence("model=delays"), silence("column=temp", lasting=3 * HOUR)
    found = silenced([incident(), incident("dew")], [long, short], NOW)
    assert found == {incident().id: long, incident("dew").id: short}
    assert silenced([incident()], [short], NOW + HOUR) == {}


def test_which_models_it_may_concern() -> None:
    """By its model matchers alone: without one it may be about any."""
    assert silence("column=temp").concerns("delays")
    assert silence("model~del*", "column=x").concerns("delays")
    assert not silence("model!=delays").concerns("delays")

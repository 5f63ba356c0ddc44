"""Which words a person reads."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from alerting.blocks import blocks, plain
from alerting.message import MAX_LINES, Message, word
from alerting.notification import Action
from tests.alerting.outbox_rows import CARRIER, DISTANCE, NOW, facts, notification

HOSTILE = [
    "<!channel>",
    "<@U1>",
    "<http://x|y>",
    "```code```",
    "`x`",
    "\u202eevil",
    "x" * 5000,
    "a\x00b",
    "🔥" * 200,
    "&" * 300,
    "<" * 300,
    "*bold* _it_ ~no~",
    ":rotating_light:",
    "line\nbreak\r\nmore",
    "What: lies",
    "",
]
# Pieces that matter, in any order, among any characters: 2,000 names.
PIECES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60), st.characters())
NAMES = st.lists(PIECES, min_size=1, max_size=4).map("".join)


def strings(value: object) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in strings(item)]
    return []


def check(message: Message) -> None:
    """What must hold of any message whatever the names in it."""
    drawn = json.loads(json.dumps(blocks(message)))
    texts = [text for block in drawn for text in strings(block.get("text", block.get("elements")))]
    for text in [*texts, plain(message)]:
        ours = text
        for label, url in message.links:  # each a plain web address of the config: tests below
            ours = ours.replace(f"<{url}|{label}>", "")
        assert "<" not in ours
        assert ">" not in ours
        assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", ours)  # no entity cut in two
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", ours)
        assert text.count("```") in (0, 2)  # nothing broke out of the code block
    assert message.text
    assert len(drawn) < 15
    assert sum(map(len, texts)) < 4_000
    assert len(plain(message)) < 4_000
    for block in drawn:
        Block.parse(block).validate_json()  # type: ignore[union-attr] - one block gives one block
        assert len(block.get("text", {}).get("text", "")) <= (150 if block["type"] == "header" else 3_000)


@settings(max_examples=400, deadline=None)
@given(names=st.lists(NAMES, min_size=5, max_size=5))
def test_no_name_escapes(names: list[str]) -> None:
    """T11: 400 × 5 hostile names as model, column, slice, diagnosis, person and step."""
    model, column, segment, title, person = names
    line = {**DISTANCE, "column": column, "segment": segment, "title": title, "acknowledged_by": person}
    told = facts(*([line] * 12), model=model, next=[title, f"leeway incidents show {column}"])
    check(word(notification(facts=told), NOW).as_possible_repeat())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    changed=st.dictionaries(st.sampled_from(sorted(facts())), JSON, max_size=5),
    line=st.dictionaries(st.sampled_from(sorted(DISTANCE)), JSON, max_size=5),
    action=st.sampled_from(Action),
    reason=st.sampled_from(["first", "resolved", "repeat", "severity_up", "retraining", "x"]),
)
def test_any_facts_make_a_message(
    changed: dict[str, object], line: dict[str, object], action: Action, reason: str
) -> None:
    """An odd fact costs its sentence, never the page."""
    told = facts({**DISTANCE, **line}, **changed)
    check(word(notification(facts=told, action=action, reason=reason), NOW))


def test_the_heading_reads_at_three_in_the_morning() -> None:
    """What, where, and the guess, in one line."""
    assert word(notification(), NOW).heading == "🔴 delays: distance looks like ×1.609 (miles → kilometres)"


@pytest.mark.parametrize(
    ("changed", "heading"),
    [
        ({"title": "temp: median 54 → 63 °F (normal 48–61)"}, "temp: median 54 → 63 °F (normal 48–61)"),
        ({"title": "temp is stuck at 32 in 61 % of rows"}, "temp is stuck at 32 in 61 % of rows"),
        ({"title": "", "change": "out_of_range"}, "temp: out of range"),
        ({"title": "", "change": ""}, "temp: changed"),
        ({"segment": "origin=JFK", "title": "missing 0 → 10 %"}, "temp (origin=JFK): missing 0 → 10 %"),
        (
            {"segment": "origin=JFK", "title": "temp in origin=JFK: stuck at 0"},
            "temp (origin=JFK) stuck at 0",
        ),
        ({"column": "", "title": "the data feed: no data"}, "data feed: no data"),
        ({"title": "temperature: other"}, "temp: temperature: other"),
        (
            {"column": "__performance__", "title": "performance: accuracy 76 % → 53 %"},
            "performance: accuracy 76 % → 53 %",
        ),
        ({"column": "__volume__", "title": "volume: 80 rows (normal 480)"}, "volume: 80 rows (normal 480)"),
        (
            {
                "column": "__joint__",
                "version": "v2",
                "title": "relations of version v2: correlation of a and b",
            },
            "relations (version v2): correlation of a and b",
        ),
        (
            {"segment": "reference=v1", "title": "temp against the fixed reference: missing 0 → 10 %"},
            "temp (against the fixed reference): missing 0 → 10 %",
        ),
    ],
)
def test_headings(changed: dict[str, object], heading: str) -> None:
    """The column once, the diagnosis whole."""
    line = {**DISTANCE, "column": "temp", **changed}
    assert word(notification(facts=facts(line)), NOW).heading == f"🔴 delays: {heading}"


def test_the_five_answers_come_in_their_order() -> None:
    """What and since when; how bad; what probably happened; what next; who."""
    message = word(notification(), NOW)
    assert [line.partition(":")[0] for line in message.lines] == ["What", "How bad", "Probably"]
    assert message.next_steps
    assert message.footer.startswith("Who: nobody has it yet.")


def test_rows_are_those_of_the_window_that_is_named() -> None:
    """Of what eases, the last breach is known, and that was another window."""
    easing = {**DISTANCE, "state": "recovering"}
    assert "rows" not in word(notification(facts=facts(easing)), NOW).lines[0]
    assert "981 rows" in word(notification(facts=facts(DISTANCE)), NOW).lines[0]


def test_a_digest_says_which_of_its_lines_are_steady() -> None:
    """By the news of each line: the message's own reason is the digest."""
    steady = {**DISTANCE, "news": "steady", "severity": "ticket"}
    alone = word(notification(facts=facts(steady), reason="digest"), NOW)
    assert "no longer comes and goes" in alone.heading
    assert "Steady: it came and went; the last 24 windows did not." in alone.lines
    both = word(notification(facts=facts(steady, CARRIER), reason="digest"), NOW)
    assert "Steady (distance): it came and went; the last 24 windows did not." in both.lines


def test_ten_lines_and_the_rest_counted() -> None:
    """What the store left out and what we leave out add up."""
    message = word(notification(facts=facts(*([CARRIER] * 14), more=6)), NOW)
    assert len(message.table) == 1 + MAX_LINES
    assert message.more == 10
    assert message.heading.endswith(", and 19 more")


@pytest.mark.parametrize(
    ("minutes", "late"), [(5, None), (43, "43 min"), (125, "2 h 5 min"), (3000, "2 d 2 h")]
)
def test_late_news_says_so(minutes: int, late: str | None) -> None:
    """Told more than 5 minutes after it was decided: by how much, and why."""
    row = notification(last_failure="no connection to slack.com: connection refused")
    lines = word(row, NOW + timedelta(minutes=minutes)).lines
    said = [line for line in lines if line.startswith("Late")]
    if late is None:
        assert said == []
    else:
        (line,) = said
        assert f"told {late} after" in line
        assert "no connection to slack.com" in line


@pytest.mark.parametrize(
    ("changed", "task", "said"),
    [
        ({"harm": -4.2}, "binary", "lose 4.2 points of accuracy"),
        ({"harm": -12.0}, "regression", "lose 12.0 % in mean error"),
        ({"harm": 0.4}, "binary", "no loss is expected"),
        ({"harm": None, "pull": -0.0312}, "binary", "mean score is expected to move by −0.031"),
        ({"harm": None, "pull": None}, "binary", "not known"),
        ({"harm": float("nan"), "pull": None}, "binary", "not known"),
        ({"harm": None, "pull": None, "kind": "data"}, "binary", "cannot be judged"),
        ({"harm": None, "pull": None, "kind": "data", "change": "volume"}, "binary", "callers feel it"),
        ({"harm": None, "pull": None, "change": "behaviour"}, "binary", "not known before labels come"),
        (
            {
                "harm": -1.0,
                "kind": "performance",
                "title": "distance: accuracy 76 % → 53 % (normal 70 to 80 %)",
            },
            "binary",
            "measured on labels, not foretold: accuracy 76 % → 53 %.",
        ),
    ],
)
def test_how_bad(changed: dict[str, object], task: str, said: str) -> None:
    """In the model's own terms, and honest where nothing is known."""
    message = word(notification(facts=facts({**DISTANCE, **changed}, task=task)), NOW)
    assert said in next(line for line in message.lines if line.startswith("How bad"))


def test_no_loss_foretold_is_no_comfort_where_the_model_itself_moved() -> None:
    """Inputs say nothing of what another behaviour costs."""
    moved = {**CARRIER, "column": "__behaviour__", "kind": "confidence", "change": "behaviour", "harm": None}
    message = word(notification(facts=facts({**DISTANCE, "harm": 2.0}, moved)), NOW)
    assert "How bad: the inputs alone foretell no loss; what model behaviour costs, labels will tell." in (
        message.lines
    )


@pytest.mark.parametrize(
    ("reason", "dot"),
    [("recovered", "🟢"), ("rebaselined", "⚪"), ("paused", "⚪"), ("removed", "⚪"), ("manual", "⚪")],
)
def test_only_a_recovery_is_green(reason: str, dot: str) -> None:
    """Every other end says what it is."""
    line = {**DISTANCE, "state": "resolved", "resolved_reason": reason}
    message = word(notification(reason="resolved", facts=facts(line, state="resolved")), NOW)
    assert message.heading.startswith(dot)
    assert ("not a recovery" in message.lines[0]) is (reason != "recovered")


@pytest.mark.parametrize(
    ("owners", "who"),
    [
        (("", ""), "nobody has it yet. Take it: leeway incidents ack d15a"),
        (("Ada", "Ada"), "Ada has it."),
        (("Ada", ""), "Ada has a part, nobody the rest. Take it: leeway incidents ack ca44"),
    ],
)
def test_who_has_it(owners: tuple[str, str], who: str) -> None:
    """And how to take it."""
    lines = [{**line, "acknowledged_by": by} for line, by in zip((DISTANCE, CARRIER), owners, strict=True)]
    assert word(notification(facts=facts(*lines)), NOW).footer.startswith(f"Who: {who}")


def test_an_edit_shows_how_things_stand() -> None:
    """The root is not news: no `also`, no `still firing`."""
    for reason in ("new_member", "repeat", "severity_up"):
        row = notification(action=Action.EDIT, reason=reason)
        assert word(row, NOW).heading == word(notification(), NOW).heading


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x|<!channel>", "https://x/`y`", "https://", "ftp://x/", 5, None]
)
def test_an_odd_runbook_is_left_out(url: object) -> None:
    """Only a plain web address becomes a link."""
    assert word(notification(facts=facts(runbook=url)), NOW).links == ()


def test_a_day_is_named_in_the_models_zone() -> None:
    """A daily window in New York is a day there, not 04:00 to 04:00 UTC."""
    assert "since Wed 27 May, latest window Wed 27 May (981 rows)" in word(notification(), NOW).lines[0]
    utc = word(notification(facts=facts(zone="Mars/Olympus")), NOW).lines[0]
    assert "since Wed 27 May, 04:00 UTC" in utc


def test_the_label_is_in_every_form() -> None:
    """A possible repeat is marked wherever it is read."""
    message = word(notification(), NOW).as_possible_repeat()
    assert message.text.startswith("(possible repeat) ")
    assert plain(message).startswith("(possible repeat) ")
    assert json.dumps(blocks(message)[0]).find("(possible repeat) ") > 0
    assert replace(message, heading="x", text="x") == replace(
        word(notification(), NOW), heading="x", text="x"
    )


def footer(until: str | None, **line: object) -> str:
    taken = {**DISTANCE, "acknowledged_by": "Ada", "acknowledged_until": until, **line}
    return word(notification(facts=facts(taken)), NOW).footer


def test_who_has_it_is_said_with_its_end() -> None:
    """Whoever reads it at six knows whether to take over."""
    assert footer("2026-05-28T12:00:00+00:00") == "Who: Ada has it until Thu 28 May, 08:00 EDT."
    assert footer(None) == "Who: Ada has it."


def test_whose_time_is_over_has_it_no_longer() -> None:
    """An acknowledgement of yesterday is nobody."""
    assert footer("2026-05-28T03:00:00+00:00").startswith("Who: nobody has it yet. Take it: ")


KNOWN: dict[str, object] = {
    "metric": "accuracy",
    "estimated": {"value": 0.861, "band": 0.024, "reference": 0.897, "trusted": True},
    "realised": {
        "value": 0.889,
        "band": 0.021,
        "reference": 0.897,
        "start": "2026-05-20T04:00:00+00:00",
        "end": "2026-05-21T04:00:00+00:00",
    },
}


def how_bad(performance: object) -> str:
    message = word(notification(facts=facts(performance=performance)), NOW)
    return next(line for line in message.lines if line.startswith("How bad"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {},
            " Estimated accuracy 86.1 ± 2.4 % (reference 89.7 %); measured on labels of Wed 20 May "
            "88.9 ± 2.1 % (reference 89.7 %).",
        ),
        ({"estimated": None}, " Accuracy measured on labels of Wed 20 May 88.9 ± 2.1 % (reference 89.7 %)."),
        (
            {"realised": None, "estimated": {"value": 0.5, "trusted": False}},
            " Estimated accuracy 50.0 %, not to be trusted.",
        ),
        (
            {"metric": "mae", "realised": None, "estimated": {"value": 12.5, "band": 1.5, "reference": 10.0}},
            " Estimated mean error 12.5 ± 1.5 (reference 10).",
        ),
        ({"realised": None, "estimated": {"value": float("nan")}}, ""),
    ],
)
def test_what_is_known_of_the_model_stands_beside_what_is_foretold(
    changed: dict[str, object], said: str
) -> None:
    """Estimated of this window, measured of the latest that has labels, each with its band."""
    line = how_bad({**KNOWN, **changed})
    assert line == f"How bad: the model is expected to lose 4.2 points of accuracy.{said}"


@pytest.mark.parametrize(
    "odd", [None, 5, [], {}, {"estimated": 3}, {"metric": 7, "realised": {"value": "x"}}]
)
def test_odd_performance_costs_its_sentence(odd: object) -> None:
    """Never the page."""
    assert how_bad(odd) == "How bad: the model is expected to lose 4.2 points of accuracy."


def test_links_of_the_config_come_before_the_runbook() -> None:
    """At most four, each a plain web address."""
    page = "https://leeway.example.com/incidents/d15a"
    told = facts(links={"Page": page, "Report": "javascript:alert(1)", "<!channel>": f"{page}2"})
    links = word(notification(facts=told), NOW).links
    assert links == (
        ("Page", page),
        ("<!channel>", f"{page}2"),
        ("Runbook", "https://wiki.example.com/delays"),
    )
    assert "<!channel>" not in plain(word(notification(facts=told), NOW))


def test_the_longest_message_keeps_within_the_limit() -> None:
    """T48: ten long lines, three long links, everything said: the table gives way, and says how much."""
    long = {**DISTANCE, "column": "c" * 80, "title": "t" * 120, "segment": "s" * 80}
    told = facts(
        *([long] * 10),
        links={"Page": f"https://x.example.com/{'p' * 270}", "Report": f"https://x.example.com/{'r' * 270}"},
        performance=KNOWN,
        drill={"fault": "f" * 60, "by": "b" * 40},
        next=["leeway " + "n" * 230] * 4,
    )
    check(word(notification(facts=told), NOW + timedelta(hours=2)).as_possible_repeat())


def test_an_escalation_says_why_it_comes_here() -> None:
    """In the heading for how long nobody took it, in a line by which step."""
    since = (NOW - timedelta(minutes=40)).isoformat()
    step = {"step": 1, "of": 2, "after_s": 1800.0, "since": since}
    told = facts(escalated={str(DISTANCE["incident_id"]): step}, reason="escalation")
    message = word(notification(reason="escalation", facts=told), NOW)
    assert message.heading.startswith("🔴 delays: nobody acknowledged it for 40 min: distance")
    assert "Escalation: step 1 of 2, 30 min after a page that nobody took." in message.lines
    odd = word(notification(reason="escalation", facts=facts(escalated="x")), NOW)
    assert not any(line.startswith("Escalation") for line in odd.lines)


def test_a_caption_says_what_is_to_be_seen() -> None:
    """It is all that who cannot see the picture has."""
    row = notification(
        action=Action.PICTURE, facts={"model": "delays", "kind": "picture", "lines": [DISTANCE]}
    )
    assert word(row, NOW).heading == "delays: distance looks like ×1.609 (miles → kilometres)"
    assert word(replace(row, facts={}), NOW).heading

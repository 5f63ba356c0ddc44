"""Laws of telling several things at once: the newest state, and what the reader knew before the first."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.digest import digest, merged
from alerting.flush import flush
from alerting.fold import FoldPolicy
from alerting.grouping import Group, GroupPolicy, decide, mark_dirty, new_group
from alerting.incident import Incident
from alerting.message import word
from alerting.notification import Notification
from alerting.series import Series
from alerting.untold import untell
from tests.alerting.verdicts import START, incidents, run

NOW = START + timedelta(days=2)
POLICY = GroupPolicy()


def incident(letters: str, column: str = "temp", model: str = "delays") -> Incident:
    series = Series(model=model, column=column)
    (only,) = incidents(run(letters, FoldPolicy(), series=series)).values()
    return only


def told(group: Group, *seen: Incident, threads: bool = True) -> tuple[Group, tuple[Notification, ...]]:
    now = (group.flushed or NOW) + timedelta(hours=1)
    group = mark_dirty(group, now)
    reason = decide(group, seen, now=now, policy=POLICY, complete=True)
    assert reason is not None
    done = flush(group, seen, reason=reason, now=now, policy=POLICY, threads=threads)
    return done.group, done.notifications


def test_a_problem_that_is_over_is_one_message() -> None:
    """First and resolved become one that says both; taken back, nothing was told."""
    before = new_group("oncall", {"model": "delays"})
    group, (root,) = told(before, incident("P"))
    group, (reply, edit) = told(group, incident("Pccc"))
    facts = merged([root.facts, reply.facts, edit.facts])
    (line,) = facts["lines"]  # type: ignore[misc]  # JSON facts
    assert (facts["state"], line["state"], line["news"]) == ("resolved", "resolved", "first")
    assert facts["told"] == {incident("P").id: "first"}
    assert untell(group, {incident("P").id: "first"}, key=root.key).told == {}
    late = replace(root, facts=facts, created=NOW)
    said = " ".join(word(late, NOW + timedelta(minutes=43)).lines)
    assert "told 43 min late" in said


def test_without_threads_what_changed_adds_up() -> None:
    """Each post of such a channel shows only what was new in it."""
    group, (first,) = told(new_group("oncall", {"model": "delays"}), incident("P", "a"), threads=False)
    _, (second,) = told(group, incident("P", "a"), incident("P", "b"), threads=False)
    facts = merged([first.facts, second.facts])
    assert [line["column"] for line in facts["lines"]] == ["a", "b"]  # type: ignore[union-attr,index]
    assert facts["counts"]["pages"] == 2  # type: ignore[index]  # JSON facts


def parts(*models: str) -> dict[str, dict[str, object]]:
    found = {}
    for model in models:
        _, (root,) = told(new_group("oncall", {"model": model}), incident("P", model=model))
        found[root.lane] = dict(root.facts)
    return found


def test_a_digest_that_could_not_be_sent_is_taken_over_whole() -> None:
    """Digest of a digest: every group once, counted once, each to be taken back by itself."""
    first = digest("oncall", parts("a", "b"), now=NOW, why="too many")
    again = digest(
        "oncall", {first.lane: first.facts, **parts("b", "c")}, now=NOW + timedelta(hours=1), why="too many"
    )
    assert again.facts["counts"] == {"firing": 3, "pages": 3, "tickets": 0, "resolved": 0, "models": 3}
    assert sorted(again.facts["groups"]) == [  # type: ignore[call-overload]  # JSON facts
        "oncall&model=a",
        "oncall&model=b",
        "oncall&model=c",
    ]
    assert len(again.facts["lines"]) == 3  # type: ignore[arg-type]  # JSON facts


def test_a_digest_has_the_key_of_its_facts() -> None:
    """The same after a lost commit whatever the time; another when anything in it is another."""
    one = digest("oncall", parts("a", "b"), now=NOW, why="x")
    assert one.key == digest("oncall", parts("a", "b"), now=NOW + timedelta(days=1), why="x").key
    assert one.key != digest("oncall", parts("a", "c"), now=NOW, why="x").key
    assert one.key != digest("other", parts("a", "b"), now=NOW, why="x").key


def test_a_digest_shows_ten_and_counts_the_rest() -> None:
    """Pages of many models."""
    made = digest("oncall", parts(*(f"m{n:03}" for n in range(170))), now=NOW, why="too many")
    message = word(made, NOW)
    assert message.heading == "🔴 digest: 170 pages on 170 models"
    assert (len(message.table), message.more) == (11, 160)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "lines",
    "told",
    "groups",
    "counts",
    "tallies",
    "models",
    "more",
    "severity",
    "state",
    "zone",
    "since",
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5), min_size=1, max_size=3))
def test_any_facts_can_be_told_together(given_: list[dict[str, object]]) -> None:
    """An odd row of the outbox must not keep the others from being told."""
    merged(given_)
    made = digest("oncall", {str(n): facts for n, facts in enumerate(given_)}, now=NOW, why="x")
    assert word(made, NOW).text

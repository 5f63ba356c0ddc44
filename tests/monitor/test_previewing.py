"""What a person reads of each kind of message: drawn, and compared as text."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.group import GroupPolicy
from alerting.incident import ResolveReason, Status
from alerting.message import Message, word
from alerting.verdict import Severity
from monitor.drawing import post_lines
from monitor.picture import Picture
from monitor.previewing import (
    EXAMPLE_NOW,
    EXAMPLE_PERFORMANCE,
    EXAMPLE_POLICY,
    Variant,
    example,
    example_picture,
    preview,
)

DAY = timedelta(days=1)


def message(variant: Variant, **changes: object) -> Message:
    incident = replace(example(), **changes)  # type: ignore[arg-type]  # any field of an incident
    row = preview(incident, variant, now=EXAMPLE_NOW, policy=EXAMPLE_POLICY, performance=EXAMPLE_PERFORMANCE)
    return word(row, EXAMPLE_NOW)


@pytest.mark.parametrize("variant", Variant)
def test_each_kind_of_message(variant: Variant, golden: Callable[[str, str], None]) -> None:
    """Five answers in their order: what and since when, how bad, probably what, what next, who."""
    golden(
        f"message/{variant}.txt",
        "\n".join(post_lines(message(variant), channel=f"oncall · {variant}")) + "\n",
    )


def test_a_drill_says_so_wherever_it_is_read() -> None:
    """In the line a phone shows, in the heading, first of all lines, and to whoever would take it."""
    drill = message(Variant.DRILL)
    assert "DRILL, nothing is wrong" in drill.text
    assert "DRILL, nothing is wrong" in drill.heading
    assert drill.lines[0].startswith("Drill: ")
    assert "ack" not in drill.footer


def test_a_page_that_is_over_can_be_seen_as_it_fired() -> None:
    """A preview is of the kind of message that was asked for, whatever became of the incident."""
    over = {"status": Status.RESOLVED, "resolved": EXAMPLE_NOW, "resolved_reason": ResolveReason.MANUAL}
    assert message(Variant.PAGE, **over) == message(Variant.PAGE)
    assert message(Variant.RESOLVED, **over).heading.startswith("⚪")


def test_a_ticket_is_a_ticket_in_every_kind_but_trouble() -> None:
    """The dot says how bad it is."""
    ticket = message(Variant.PAGE, severity=Severity.TICKET)
    assert ticket.heading.startswith("🟡")
    assert message(Variant.DIGEST).heading.startswith("🟡 delays: tickets of the day")


def test_without_anything_in_the_config_a_message_still_stands() -> None:
    """No zone, no links, no runbook, no known performance."""
    bare = word(preview(example(), Variant.PAGE, now=EXAMPLE_NOW, policy=GroupPolicy()), EXAMPLE_NOW)
    assert bare.links == ()
    assert "Estimated" not in " ".join(bare.lines)


def test_the_example_has_a_picture_that_survives_its_way_to_the_drawing_process() -> None:
    """JSON and back."""
    assert Picture.from_json(example_picture().to_json()) == example_picture()

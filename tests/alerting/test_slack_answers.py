"""Laws of answers: what data says cannot ring, link or break out, and there is always room for it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerting.slack_answers import LONGEST, printed, sentence

HOSTILE = [
    "<!channel> <@U1> <https://evil.example|here>",
    "``` *bold* ```",
    "a\u202eb\u200bc",
    "\x1b[31mred",
    "&amp;<!here>",
]


def text_of(content: dict[str, object]) -> str:
    (block,) = content["blocks"]  # type: ignore[misc]  # as printed() makes it
    section: dict[str, Any] = block  # type: ignore[has-type]
    assert section["text"]["verbatim"] is True
    assert content["response_type"] == "ephemeral"
    assert content["replace_original"] is False
    return str(section["text"]["text"])


def test_a_table_stands_in_columns() -> None:
    """On a pipe it comes with tabs; here it is read by a person."""
    said = text_of(printed("model\tstate\nshop\tfiring\na-long-name\tok\n\ndatabase: 3 MB"))
    assert said.splitlines() == [
        "```",
        "model        state",
        "shop         firing",
        "a-long-name  ok",
        "",
        "database: 3 MB",
        "```",
    ]


def test_hostile_names_are_escaped() -> None:
    """Nothing that Slack would act on, and one code block from its first line to its last."""
    for name in HOSTILE:
        for said in (text_of(printed(f"column\t{name}\nx\ty")), text_of(sentence(name))):
            assert "<" not in said
            assert ">" not in said
            assert said.count("```") in (0, 2)
            assert all(ch.isprintable() or ch == "\n" for ch in said)


@given(st.text(max_size=9_000))
def test_there_is_room_for_every_answer(text: str) -> None:
    """A section takes 3,000 characters, counted after escaping."""
    assert len(text_of(printed(text))) <= LONGEST
    assert len(text_of(sentence(text))) <= LONGEST


def test_what_is_left_out_is_counted() -> None:
    """In whole lines."""
    said = text_of(printed("\n".join(f"line {number} {'&' * 20}" for number in range(100))))
    assert len(said) <= LONGEST
    kept = [line for line in said.splitlines() if line.startswith("line")]
    assert said.splitlines()[-2] == f"… {100 - len(kept)} lines more"

"""Values go into their places, and never out of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting import template

VALUES = {"id": "5e", "windows": [{"rows": 3}], "version": None, "n": 7}


@pytest.mark.parametrize(
    ("made", "filled"),
    [
        ("{id}", "5e"),
        ("{windows}", [{"rows": 3}]),  # alone in its place it keeps its type
        ("{version}", None),
        ("run-{id}-{n}", "run-5e-7"),
        ("{{id}}", "{id}"),
        ({"a": ["{n}", 1, True, None], "{id}": 2}, {"a": [7, 1, True, None], "5e": 2}),
        ("", ""),
    ],
)
def test_fields_are_filled(made: object, filled: object) -> None:
    """In texts, lists, tables and names."""
    assert template.render(made, VALUES) == filled


@pytest.mark.parametrize("made", ["{nobody}", "{", "}", "a {id", "{id}}", "{a{id}}", {"x": ["{ID}"]}])
def test_what_nobody_knows_is_refused(made: object) -> None:
    """When the config is read, not when a model drifts."""
    with pytest.raises(ValueError, match=r"field|brace"):
        template.check(made, frozenset(VALUES))


@given(st.text())
def test_no_value_leaves_its_place(value: str) -> None:
    """Quotes, braces, fields and control characters are what they are: text."""
    body = template.render({"model": "{model}", "note": "of {model}!", "n": 1}, {"model": value})
    assert json.loads(json.dumps(body)) == {"model": value, "note": f"of {value}!", "n": 1}

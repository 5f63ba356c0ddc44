"""Laws of what may be typed after /leeway: only what reads, and never an option that we did not mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.slack_command import arguments


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", ()),
        ("help", ()),
        ("  status ", ("status",)),
        ("history shop", ("history", "incidents", "--model=shop", "--last=10")),
        (
            "history shop verdicts --column amount --last 3",
            ("history", "verdicts", "--model=shop", "--last=3", "--column=amount"),
        ),
        ("history shop —since 7d", ("history", "incidents", "--model=shop", "--last=10", "--since=7d")),
        ("history “my shop” windows", ("history", "windows", "--model=my shop", "--last=10")),
        (
            "explain shop 'a&lt;b' --window=2013-05-27",
            ("explain", "--model=shop", "--column=a<b", "--window=2013-05-27"),
        ),
    ],
)
def test_what_is_typed_becomes_a_command(typed: str, meant: tuple[str, ...]) -> None:
    """With what Slack and its desktops make of quotation marks, hyphens and signs undone."""
    assert arguments(typed) == meant


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("burn", "no command"),
        ("db upgrade", "no command"),
        ("status shop", "takes no arguments"),
        ("history", "of which model"),
        ("history shop silences", "no "),
        ("history shop --output /etc/passwd", "no option"),
        ("history shop --config x", "no option"),
        ("history shop -m other", "no option"),
        ("history shop --last 51", "1 to 50"),
        ("history shop --last -1", "1 to 50"),
        ("history shop --column", "needs a value"),
        ("explain shop", "MODEL COLUMN"),
        ("explain shop a b", "MODEL COLUMN"),
        ('history "shop', "not closed"),
        ("history shop\x1b[2J", "cannot be typed"),
        ("x" * 501, "longer than"),
    ],
)
def test_anything_else_is_refused_in_words(typed: str, why: str) -> None:
    """No file, no config, nothing that changes anything, nothing without end."""
    with pytest.raises(ValueError, match=why):
        arguments(typed)


@given(st.text(max_size=120))
def test_whatever_is_typed_only_known_options_come_out(typed: str) -> None:
    """A value that begins with a dash stays a value."""
    try:
        made = arguments(typed)
    except ValueError:
        return
    options = {word.partition("=")[0] for word in made[1:] if word.startswith("-")}
    assert options <= {
        f"--{name}"
        for name in (
            *("model", "column", "metric", "segment", "stream", "severity", "since", "until", "last"),
            *("window", "model-version"),
        )
    }
    assert made[:1] in ((), ("status",), ("history",), ("explain",))


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=1, max_size=40))
def test_a_name_is_never_an_option(name: str) -> None:
    """`--model=--config` asks for a model of that name."""
    quoted = "'" + name.replace("'", "") + "'"
    try:
        made = arguments(f"history {quoted}")
    except ValueError:
        return
    assert not made or all(word.startswith(("--model=", "--last=")) for word in made[2:])

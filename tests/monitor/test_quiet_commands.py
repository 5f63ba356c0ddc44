"""Laws of `leeway silence`, `outbox` and what people do to incidents, typed as a person would."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from monitor import logs
from monitor.cli import build_app, hoisted
from monitor.exits import CommandError
from tests.acceptance.fast import Past, learn, live
from tests.acceptance.world import Shop, build_shop

CHANNEL = '[channels.file]\nkind = "log"\npath = "file.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two broken days: a page on `amount` that fires."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path_factory.mktemp("shop") / "shop", days=2, broken=range(2), channels=CHANNEL)
    learn(made)
    live(made, 2)
    return made


@pytest.fixture
def shop(lived: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in ("leeway.toml", "leeway.db"):
        (folder / name).write_bytes((lived.folder / name).read_bytes())
    return Shop(config=folder / "leeway.toml", start=lived.start)


def leeway(shop: Shop, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), hoisted(["--config", str(shop.config), *arguments]))


def said(shop: Shop, *arguments: str) -> Any:
    ran = leeway(shop, *arguments, "--json")
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return json.loads(ran.stdout)


def refused(shop: Shop, *arguments: str) -> str:
    ran = leeway(shop, *arguments)
    assert isinstance(ran.exception, CommandError), ran.output
    return str(ran.exception)


def page(shop: Shop) -> str:
    (row, *_) = Past(shop.folder / "leeway.db").rows(
        "SELECT incident_id FROM v_incidents WHERE severity = 'page' AND column_name = 'amount'"
    )
    return str(row["incident_id"])


def test_a_silence_says_what_it_keeps_quiet(shop: Shop) -> None:
    """At once, before anybody wonders; and wherever the incident and the model are shown."""
    ran = leeway(
        shop, "silence", "add", "model=shop", "column~am*", "--for", "2h", "-c", "a sale", "--by", "ada"
    )
    assert ran.exit_code == 0, ran.output
    first, why, *matched = ran.stdout.splitlines()
    assert "about model=shop column~am*" in first
    assert why == "  a sale (ada)"
    assert [page(shop)[:12] in line for line in matched] == [True]
    (row,) = [r for r in said(shop, "incidents", "list") if r["column_name"] == "amount"]
    assert (row["silenced_by"], row["silence_id"]) == ("ada", first[:12])
    assert "(silenced)" in leeway(shop, "incidents", "list").stdout
    assert "silenced   by ada until" in leeway(shop, "incidents", "show", page(shop)).stdout
    assert "silenced: model=shop column~am* until" in leeway(shop, "status").stdout
    (facts,) = said(shop, "status")
    assert [each["author"] for each in facts["silences"]] == ["ada"]


def test_a_silence_is_edited_and_ended(shop: Shop) -> None:
    """The old one stays readable; what is not given stays as it was."""
    first = said(shop, "silence", "add", "model=shop", "--for", "2h", "-c", "a sale", "--by", "ada")
    second = said(shop, "silence", "edit", first["silence_id"][:6], "column=items", "--by", "bob")
    assert (second["replaces"], second["ends"], second["comment"]) == (
        first["silence_id"],
        first["ends"],
        "a sale",
    )
    assert [each["state"] for each in said(shop, "silence", "list", "--all")] == ["over", "active"]
    said(shop, "silence", "expire", second["silence_id"], "--by", "eve")
    assert said(shop, "silence", "list") == []
    past = Past(shop.folder / "leeway.db")
    audit = [
        (row["kind"], row["actor"]) for row in past.rows("SELECT kind, actor FROM v_audit ORDER BY audit_id")
    ]
    assert audit == [
        ("silence.added", "ada"),
        ("silence.expired", "bob"),
        ("silence.added", "bob"),
        ("silence.expired", "eve"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "model=shop", "-c", "x"), "--for 2h"),
        (("add", "model=shop", "--for", "2h"), "needs a comment"),
        (("add", "--for", "2h", "-c", "x"), "at least one matcher"),
        (("add", "model=shop", "--for", "31d", "-c", "x"), "30 days at most"),
        (("add", "model=shop", "--for", "2h", "--until", "3d", "-c", "x"), "give one of them"),
        (("add", "modle=shop", "--for", "2h", "-c", "x"), 'no label "modle"'),
        (("add", "model=shop", "--until", "tomorrow", "-c", "x"), "must be a duration"),
        (("expire", "beef"), "no silence 'beef'"),
        (("edit", "beef"), "nothing to change"),
    ],
)
def test_wrong_silences_are_refused_in_words(shop: Shop, arguments: tuple[str, ...], words: str) -> None:
    """What was wrong, and what to type."""
    assert words in refused(shop, "silence", *arguments)


def test_an_incident_is_taken_given_back_and_closed(shop: Shop) -> None:
    """Each with who and when in its history; a reason is required."""
    name = page(shop)
    assert said(shop, "incidents", "ack", name, "--for", "4h", "--by", "ada")["acknowledged_by"] == "ada"
    assert said(shop, "incidents", "unack", name, "--by", "ada")["acknowledged_by"] == ""
    assert "nobody has it" in refused(shop, "incidents", "unack", name)
    assert "--reason" in refused(shop, "incidents", "resolve", name)
    said(shop, "incidents", "resolve", name, "--reason", "job mended", "--by", "bob")
    story = leeway(shop, "incidents", "show", name).stdout
    assert "resolved (job mended) by bob" in story
    assert "unacknowledged by ada" in story
    record = said(shop, "incidents", "show", name)
    assert (record["status"], record["resolved_reason"]) == ("resolved", "manual")
    assert "cannot be resolved" in refused(shop, "incidents", "resolve", name, "--reason", "again")
    assert "it is resolved" in refused(shop, "incidents", "ack", name)


def test_a_misspelt_model_is_warned_of(shop: Shop) -> None:
    """It silences nothing today; it may be one that is yet to come."""
    ran = leeway(shop, "silence", "add", "model=shpo", "--for", "2h", "-c", "x")
    assert ran.exit_code == 0
    assert 'no model "shpo" in the config; there is shop' in ran.stderr
    assert "warning" not in leeway(shop, "silence", "add", "model=shop", "--for", "2h", "-c", "x").stderr


def test_who_takes_what_another_has_is_told_so(shop: Shop) -> None:
    """Two at once: the second reads whose it was."""
    assert "instead" not in leeway(shop, "incidents", "ack", page(shop), "--by", "ada").stdout
    assert "instead" not in leeway(shop, "incidents", "ack", page(shop), "--by", "ada").stdout
    assert leeway(shop, "incidents", "ack", page(shop), "--by", "bob").stdout.endswith("instead of ada\n")


def test_messages_are_listed_sent_again_and_cancelled(shop: Shop) -> None:
    """Only what can be; with a line in the audit each."""
    assert said(shop, "outbox", "list") == []
    (row, *_) = said(shop, "outbox", "list", "--all")
    number = str(row["notification_id"])
    assert row["state"] == "sent"
    assert "is sent" in refused(shop, "outbox", "cancel", number)
    assert "is sent" in refused(shop, "outbox", "retry", number)
    assert "not known" in refused(shop, "outbox", "retry", "999")
    Past(shop.folder / "leeway.db")
    import sqlite3

    with sqlite3.connect(shop.folder / "leeway.db") as conn:
        conn.execute("UPDATE outbox SET state = 'dead' WHERE id = ?", (int(number),))
    said(shop, "outbox", "retry", number, "--by", "ada")
    (again,) = said(shop, "outbox", "list")
    assert (again["state"], again["uncertain"]) == ("queued", True)
    said(shop, "outbox", "cancel", number, "--reason", "read it", "--by", "bob")
    (row, *_) = said(shop, "outbox", "list", "--all")
    assert (row["state"], row["error"]) == ("cancelled", "cancelled by bob: read it")

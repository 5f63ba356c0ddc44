"""T58: the config changes while something fires; each incident ends, or goes on, and it is said why."""

from pathlib import Path
from typing import Any

import pytest

from monitor import logs
from storage import incidents
from storage.engine import open_store
from tests.acceptance.fast import Past, learn, live, reconfigure
from tests.acceptance.world import Shop, build_shop

CHANNEL = '[channels.file]\nkind = "log"\npath = "file.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Two broken days are lived, a third is to come."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path / "shop", days=3, broken=range(3), channels=CHANNEL)
    learn(made)
    live(made, 2)
    return made


def amount(shop: Shop) -> dict[str, Any]:
    query = "SELECT * FROM v_incidents WHERE column_name = 'amount' AND rule = ''"
    (row,) = Past(shop.folder / "leeway.db").rows(query)
    return row


def test_other_rules_reset_what_was_counted_and_are_noted(shop: Shop) -> None:
    """The incident stays open, with an event; the same config noted nothing."""
    before = amount(shop)
    live(shop, 2, first=2)
    assert amount(shop)["events"] == before["events"]
    shop.config.write_text(shop.config.read_text() + "\n[models.shop.policy]\nresolve_after = 5\n")
    live(shop, 3, first=3)
    after = amount(shop)
    assert (after["status"], after["incident_id"]) == ("firing", before["incident_id"])
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        kinds = [event.kind for event in incidents.events(conn, after["incident_id"])]
    assert kinds.count("rules_changed") == 1


def test_a_paused_model_ends_its_incidents_as_paused(shop: Shop) -> None:
    """And is not looked at; the post says that it is no recovery."""
    reconfigure(shop, {'task = "binary"': 'task = "binary"\npaused = true'})
    past = live(shop, 3, first=3)
    assert (amount(shop)["status"], amount(shop)["resolved_reason"]) == ("resolved", "paused")
    assert len(past.windows()) == 2
    last = (shop.folder / "file.jsonl").read_text().splitlines()[-1]
    assert "paused" in last
    assert "not a recovery" in last


def test_a_model_that_left_ends_its_incidents_as_removed(shop: Shop) -> None:
    """Renamed without more: the old name is gone, no incident is orphaned."""
    reconfigure(shop, {name: name.replace("shop", "store") for name in SECTIONS})
    live(shop, 3, first=3)
    assert (amount(shop)["status"], amount(shop)["resolved_reason"]) == ("resolved", "removed")


SECTIONS = (
    "[models.shop]",
    "[models.shop.source]",
    "[models.shop.columns]",
    "[models.shop.window]",
    "[models.shop.reference]",
)

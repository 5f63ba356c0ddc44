"""Laws of `leeway incidents mark`: a person's word on a page, seen wherever the incident is."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor import logs
from monitor.cli import build_app, hoisted
from monitor.exits import CommandError
from tests.acceptance.fast import Past, learn, live
from tests.acceptance.world import Shop, build_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Two broken days: pages."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path / "shop", days=2, broken=range(2))
    learn(made)
    live(made, 2)
    return made


def leeway(shop: Shop, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), hoisted(["--config", str(shop.config), *arguments]))


def page(shop: Shop) -> str:
    (row, *_) = Past(shop.folder / "leeway.db").rows(
        "SELECT incident_id FROM v_incidents WHERE severity = 'page' AND column_name = 'amount'"
    )
    return str(row["incident_id"])


def test_a_page_is_marked_and_counted(shop: Shop) -> None:
    """In the list, in the incident's own story, and in `status` beside the promise."""
    name = page(shop)
    ran = leeway(shop, "incidents", "mark", name[:8], "--false-page", "--by", "ada")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == f"{name[:12]}: a false page, says ada\n"
    assert "page (false)" in leeway(shop, "incidents", "list", "--all").stdout
    story = leeway(shop, "incidents", "show", name).stdout
    assert "as a false page by ada" in story
    assert "marked_false_page by ada" in story
    assert "1 of " in next(
        each for each in leeway(shop, "status").stdout.splitlines() if each.startswith("  promise")
    )
    (facts,) = json.loads(leeway(shop, "--json", "status").stdout)
    assert facts["false_pages"] == 1


def test_and_unmarked(shop: Shop) -> None:
    """The mark is gone, both events stay."""
    name = page(shop)
    leeway(shop, "incidents", "mark", name, "--false-page", "--by", "ada")
    ran = leeway(shop, "incidents", "mark", name, "--false-page", "--undo", "--by", "bob", "--json")
    assert json.loads(ran.stdout) == {"incident_id": name, "false_page_by": ""}
    assert "(false)" not in leeway(shop, "incidents", "list", "--all").stdout
    story = leeway(shop, "incidents", "show", name).stdout
    assert "marked_false_page by ada" in story
    assert "unmarked_false_page by bob" in story


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("beef", "--false-page"), "no incident 'beef'"),
        (("{page}",), "there is --false-page"),
        (("{page}", "--undo"), "there is --false-page"),
        (("{page}", "--false-page", "--undo"), "is not marked as a false page"),
    ],
)
def test_what_cannot_be_marked(shop: Shop, arguments: tuple[str, ...], words: str) -> None:
    """What was wrong, and what there is."""
    name = page(shop)
    ran = leeway(shop, "incidents", "mark", *(each.format(page=name) for each in arguments))
    assert isinstance(ran.exception, CommandError)
    assert words in str(ran.exception)


def test_the_heat_map_shows_what_broke(shop: Shop) -> None:
    """The broken column first, in its windows; JSON names every cell; an unknown model has a remedy."""
    drawn = leeway(shop, "heatmap", "--model", "shop").stdout.splitlines()
    assert drawn[0].split()[:2] == ["amount", "██"]
    assert drawn[0].endswith("2 pages")
    facts = json.loads(leeway(shop, "--json", "heatmap", "--model", "shop", "--last", "1").stdout)
    assert len(facts["windows"]) == 1
    assert {"column_name": "amount", "heat": ["page"]} in facts["columns"]
    latest = facts["windows"][0]["window_start"]
    earlier = leeway(shop, "--json", "heatmap", "--model", "shop", "--last", "1", "--until", latest)
    assert [each["window_end"] for each in json.loads(earlier.stdout)["windows"]] == [latest]
    wrong = leeway(shop, "heatmap", "--model", "nobody")
    assert isinstance(wrong.exception, CommandError)
    assert "leeway status" in str(wrong.exception)

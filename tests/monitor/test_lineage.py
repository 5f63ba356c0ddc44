"""Laws of lineage: every verdict, incident and request says what it came of."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor import logs
from monitor.cli import build_app, hoisted
from monitor.exits import CommandError
from monitor.lineage import data_facts, lineage_lines, program
from tests.acceptance.fast import Past, learn, live
from tests.acceptance.world import Shop, build_shop

CHANNELS = '[channels.file]\nkind = "log"\npath = "told.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'
RETRAINING = '\n[models.shop.retraining]\nbreached = 1\nmin_rows = 50\ntarget = "file"\n'
WANTED = ("data_version", "reference_version", "profile_digest", "run_id", "config_digest", "program")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two broken days, told; the reference was made by a run."""
    logs.configure(quiet=True)
    folder = tmp_path_factory.mktemp("lineage") / "shop"
    made = build_shop(folder, days=2, broken=range(2), channels=CHANNELS, extra=RETRAINING)
    text = made.config.read_text()
    assert "[models.shop.reference]\n" in text
    made.config.write_text(
        text.replace("[models.shop.reference]\n", '[models.shop.reference]\nrun = "mlflow:7f3a"\n')
    )
    learn(made)
    live(made, 2)
    return made


def leeway(shop: Shop, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), hoisted(["--config", str(shop.config), *arguments]))


def rows(shop: Shop, query: str) -> list[dict[str, object]]:
    return Past(shop.folder / "leeway.db").rows(query)


def complete(found: Mapping[str, object]) -> bool:
    return (
        found["run_id"] == "mlflow:7f3a" and found["program"] == program() and all(found[n] for n in WANTED)
    )


def test_every_verdict_and_incident_has_it_in_sql(shop: Shop) -> None:
    """No row without a part of it, and those of one window have the same."""
    verdicts = rows(shop, "SELECT * FROM v_verdicts")
    incidents = rows(shop, "SELECT * FROM v_incidents WHERE model = 'shop'")
    windows = rows(shop, "SELECT * FROM v_windows WHERE state = 'done'")
    assert verdicts
    assert incidents
    for each in (*verdicts, *incidents, *windows):
        assert complete(each), each
    assert len({row["data_version"] for row in verdicts}) == 2  # each day is a file of its own
    assert {row["profile_digest"] for row in incidents} == {row["profile_digest"] for row in windows}


def test_a_person_sees_it(shop: Shop) -> None:
    """In the story of an incident, and below the arithmetic of a verdict."""
    (first, *_) = rows(shop, "SELECT incident_id FROM v_incidents WHERE column_name = 'amount'")
    story = leeway(shop, "incidents", "show", str(first["incident_id"]))
    assert story.exit_code == 0, story.output
    explained = leeway(shop, "explain", "--model", "shop", "--column", "amount")
    assert explained.exit_code == 0, explained.output
    for text in (story.stdout, explained.stdout):
        assert "came of" in text
        for part in ("by name, size and rows", "v1, profile ", "mlflow:7f3a", program()):
            assert part in text
    record = json.loads(leeway(shop, "--json", "explain", "--model", "shop", "--column", "amount").stdout)
    assert complete(record["lineage"])


def test_what_is_sent_carries_it(shop: Shop) -> None:
    """A message's facts, which a webhook gets whole, and the request for the trainer."""
    told = [json.loads(str(row["facts"])) for row in rows(shop, "SELECT facts FROM outbox")]
    about = [facts for facts in told if facts["kind"] == "incident"]
    assert about
    assert all(complete(facts["lineage"]) for facts in about)
    asked = [
        json.loads(str(row["request"]))
        for row in rows(shop, "SELECT request FROM retraining_decision WHERE outcome = 'dry_run'")
    ]
    assert asked
    assert all(complete(request["lineage"]) for request in asked)


def test_a_reference_knows_its_files_by_their_contents(shop: Shop) -> None:
    """So the same data can be found, or missed, years later."""
    (row,) = rows(shop, "SELECT lineage FROM reference")
    lineage = json.loads(str(row["lineage"]))
    file = shop.folder / "data" / "reference.parquet"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert lineage["files"] == [{"name": file.name, "bytes": file.stat().st_size, "sha256": digest}]
    assert lineage["data_version"].startswith("1 file, sha256 ")


def test_another_run_makes_another_reference(tmp_path: Path) -> None:
    """The same rows of another training run are another version; said again it is the same one."""
    made = build_shop(tmp_path / "shop", days=1, broken=range(0))
    versions = []
    for run in ("a", "a", "b"):
        ran = leeway(made, "--json", "reference", "build", "--model", "shop", "--run-id", run)
        assert ran.exit_code == 0, ran.output
        versions.append(json.loads(ran.stdout)["version"])
    assert versions == [1, 1, 2]
    assert "run_id" in leeway(made, "reference", "show", "--model", "shop").stdout


@pytest.mark.parametrize("with_", [("--noise-only",), ("--trailing",), ("--run-id", "")])
def test_a_run_goes_with_a_reference_that_is_new(tmp_path: Path, with_: tuple[str, ...]) -> None:
    """The others keep the run of the one they go on from."""
    made = build_shop(tmp_path / "shop", days=1, broken=range(0))
    ran = leeway(made, "reference", "build", "--model", "shop", "--run-id", "a", *with_)
    assert isinstance(ran.exception, CommandError)
    assert "--run-id" in str(ran.exception)


def test_nothing_is_said_of_what_is_not_known() -> None:
    """A window of an earlier version, a source that is no file."""
    assert list(lineage_lines({})) == []
    assert data_facts([], "") == {}
    assert data_facts([], "version 3") == {"data_version": "version 3"}
    assert list(lineage_lines({"model_versions": ["v1", "v2"]})) == [("model", "version v1, v2")]

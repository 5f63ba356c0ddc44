"""The one factory: a file name of a plural folder and its options become a member."""

from pathlib import Path

import polars as pl
import pytest

from monitor import build
from monitor.config import Config
from monitor.config_file import parse
from monitor.config_problem import ConfigError
from monitor.members import Family, check, kinds, member, options

GOOD = """\
[models.churn]
task = "binary"
source = { kind = "parquet", path = "prod/*.parquet", timestamp = "ts", timestamp_zone = "UTC" }
reference = { source = { kind = "parquet", path = "reference.parquet" } }
"""


def config(text: str = "", base: Path = Path("/etc/leeway")) -> Config:
    return parse(GOOD + text, path=base / "leeway.toml", members=check)


@pytest.mark.parametrize("family", list(Family))
def test_every_public_module_is_a_member(family: Family) -> None:
    """One public dataclass each, whose fields are readable options."""
    assert kinds(family)
    for kind in kinds(family):
        assert member(family, kind).__module__ == f"{family.value}.{kind}"
        assert all(not name.startswith("_") for name in options(family, kind))


def test_every_detector_runs_unless_it_is_switched_off() -> None:
    """A table is for options."""
    model = config("[models.churn.detectors.psi]\nbins = 20\n[models.churn.detectors.ks]\nenabled = false\n")
    built = {type(one).__module__: one for one in build.build_detectors(model.models["churn"])}
    # Performance measures labels, not windows: it has its own place in the stream of labels.
    left_out = {"detectors.ks", "detectors.performance"}
    assert set(built) == {f"detectors.{kind}" for kind in kinds(Family.DETECTOR)} - left_out
    assert getattr(built["detectors.psi"], "bins") == 20  # noqa: B009 the Protocol does not know options


def test_secrets_are_read_late_and_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking a config needs no secret; building a channel does."""
    text = '[channels.oncall]\nkind = "slack"\ntoken_env = "T_TOKEN"\nchannel = "#c"\n'
    loaded = config(text)
    monkeypatch.delenv("T_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="variable T_TOKEN is not set; export T_TOKEN"):
        build.build_channels(loaded)
    monkeypatch.setenv("T_TOKEN", "xoxb-1")
    assert "xoxb-1" not in repr(build.build_channels(loaded))
    monkeypatch.setenv("T_TOKEN", "xoxb-1\r\n")  # as many a deployment has it
    assert getattr(build.build_channels(loaded)["oncall"], "token") == "xoxb-1"  # noqa: B009
    monkeypatch.setenv("T_TOKEN", "xoxb-1\nX-Other: y")
    with pytest.raises(ConfigError, match="one line of text") as caught:
        build.build_channels(loaded)
    assert "xoxb" not in str(caught.value)
    (tmp_path / "token").write_text("xoxb-2\n")
    loaded = config(text.replace('token_env = "T_TOKEN"', 'token_file = "token"'), tmp_path)
    assert getattr(build.build_channels(loaded)["oncall"], "token") == "xoxb-2"  # noqa: B009


def test_all_channels_that_fail_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the first one only."""
    text = "".join(f'[channels.{n}]\nkind = "slack"\ntoken_env = "T_{n}"\nchannel = "#c"\n' for n in "ab")
    with pytest.raises(ConfigError) as caught:
        build.build_channels(config(text))
    assert len(caught.value.problems) == 2


def test_storage_defaults_to_a_file_beside_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL with a password comes from outside."""
    assert build.storage_url(config()) == "sqlite:////etc/leeway/leeway.db"
    monkeypatch.setenv("T_URL", "postgresql://u:p@h/d")
    assert build.storage_url(config('[storage]\nurl_env = "T_URL"\n')) == "postgresql://u:p@h/d"


def test_models_carry_their_policies() -> None:
    """What the config says reaches who decides."""
    text = """\
[models.churn.policy]
sensitivity = "high"
fire_after = 1
floors = [{ column = "x", sd = 0.5 }]
[models.churn.retraining]
mode = "off"
"""
    watched = build.build_models(config(text)).models["churn"]
    assert watched.judging.sensitivity == "high"
    assert watched.judging.floor("x", "sd") == 0.5
    assert watched.folding.fire_after == 1
    assert watched.retraining.mode == "off"
    assert len(watched.digest) == 64


@pytest.mark.parametrize(("columns", "timed"), [({"ts": ["2024-01-01 00:00"]}, True), ({"x": [1.0]}, False)])
def test_a_reference_has_time_where_its_file_has(
    tmp_path: Path, columns: dict[str, list[object]], timed: bool
) -> None:
    """The production source's time options hold for it; a file without the column is one without time."""
    pl.DataFrame(columns).write_parquet(tmp_path / "reference.parquet")
    source = build.build_reference_source(config("", tmp_path).models["churn"])
    (batch,) = source.pull(None, {}).batches
    assert (batch.times is not None) is timed


SQL = """
[models.orders]
task = "binary"
[models.orders.source]
kind = "sql"
{}
table = "orders"
schema = "shop"
timestamp = "ts"
statement_timeout = "90s"
[models.orders.columns]
score = "p"
[models.orders.reference]
source = {{ kind = "parquet", path = "r.parquet" }}
"""


def test_a_source_takes_its_url_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late, and nothing that is made of it shows the password."""
    url = "postgresql://reader:canary@db/rows"
    (tmp_path / "url").write_text(f"{url}\n")
    monkeypatch.setenv("T_ROWS", url)
    for written in ('url_env = "T_ROWS"', 'url_file = "url"'):
        loaded = config(SQL.format(written), tmp_path)
        source = build.build_source(loaded.models["orders"].source)
        assert getattr(source, "url") == url  # noqa: B009 the Protocol does not know options
        assert getattr(source, "in_schema") == "shop"  # noqa: B009
        assert "canary" not in f"{source!r} {loaded!r}"
    monkeypatch.delenv("T_ROWS")
    with pytest.raises(ConfigError, match="variable T_ROWS is not set"):
        build.build_source(config(SQL.format('url_env = "T_ROWS"')).models["orders"].source)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('url = "nonsense"', "models.orders.source.url: must be a database URL such as postgresql://"),
        ('url = "sqlite:///rows.db"\nstatement_timeout = "x"', "statement_timeout: must be a duration"),
        ('url = "sqlite:///rows.db"\nshema = "x"', 'shema: is not a known option; did you mean "schema"'),
        ("", "models.orders.source.url: is missing"),
        ('url = "sqlite:///rows.db"\ntimestamp_format = "x"', "timestamp_format: must be auto"),
    ],
)
def test_wrong_options_of_a_table_are_named(written: str, words: str) -> None:
    """By the words of the config, not by those of the code."""
    text = SQL.format(written)
    if "statement_timeout" in written:
        text = text.replace('statement_timeout = "90s"\n', "")
    with pytest.raises(ConfigError) as caught:
        config(text)
    assert words in str(caught.value)


def test_a_file_of_sqlite_is_beside_the_config(tmp_path: Path) -> None:
    """As every path is."""
    loaded = config(SQL.format('url = "sqlite:///rows.db"'), tmp_path)
    assert loaded.models["orders"].source.options["url"] == f"sqlite:///{tmp_path}/rows.db"

"""Laws of loading a config: everything wrong is said at once, where it stands, with what would be right."""

from pathlib import Path

import pytest

from monitor.config import Config
from monitor.config_file import load, parse
from monitor.config_lines import lines
from monitor.config_problem import ConfigError, Problem
from monitor.members import check

GOOD = """\
[models.churn]
task = "binary"
source = { kind = "parquet", path = "data/*.parquet", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "reference.parquet" } }
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, path=Path("/etc/leeway/leeway.toml"), members=check)
    return [str(problem) for problem in caught.value.problems]


def config(text: str = "") -> Config:
    return parse(GOOD + text, path=Path("/etc/leeway/leeway.toml"), members=check)


def test_a_small_config_has_all_defaults() -> None:
    """A source, a reference and a task are enough."""
    model = config().models["churn"]
    assert str(model.window.spec) == "1d@UTC"
    assert (model.policy.fire_after, model.policy.fire_within, model.policy.resolve_after) == (2, 3, 3)
    assert model.retraining.mode == "dry_run"


def test_all_mistakes_come_at_once_in_order_with_their_lines() -> None:
    """One run of the editor, not five."""
    found = problems(
        GOOD
        + """\
[models.churn.window]
every = "1q"
settel = "10m"
[models.churn.policy]
fire_after = 4
[[models.churn.policy.thresholds]]
metric = 3
ticket = "x"
[daemon]
workers = 0
"""
    )
    assert found == [
        "line 6: models.churn.window.every: must be a whole number of s, m, h, d, w or mo "
        'such as "1h" or "1d", got "1q"',
        'line 7: models.churn.window.settel: is not a known key; did you mean "settle"?',
        "line 11: models.churn.policy.thresholds[0].metric: must be a text in quotes, got 3",
        'line 12: models.churn.policy.thresholds[0].ticket: must be a number, got "x"',
        "line 14: daemon.workers: must be ≥ 1, got 0",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[models.churn.detectors.psi]\nbins = "ten"', 'bins: must be an integer, got "ten"'),
        ("[models.churn.detectors.psi]\nbins = 1", "bins: must be an integer from 2 to 100"),
        ("[models.churn.detectors.psi]\nbin = 10", 'bin: is not a known option; did you mean "bins"?'),
        ("[models.churn.detectors.psii]", 'must be a kind of detector, got "psii"; did you mean "psi"?'),
        ('[channels.x]\nkind = "slak"', 'must be a kind of channel, got "slak"; did you mean "slack"?'),
        ('[models.churn.window]\nzone = "Europe/Helsinky"', 'did you mean "Europe/Helsinki"?'),
        ("[models.churn.policy]\nfire_after = 4", "fire_after: must be ≤ fire_within, got 4 of 3 windows"),
        ('[models.churn.window]\nsettle = "soon"', "settle: must be a duration such as"),
        ('[models.churn.columns]\nscore = { a = "x" }', "score: must be one column name for task"),
        ('[[routes]]\nchannels = ["oncall"]', 'channels[0]: must name a channel, got "oncall"'),
        ('[models.churn.retraining]\nmode = "auto"', 'target: is needed for mode = "auto"'),
        (
            '[channels.file]\nkind = "log"\n[models.churn.retraining]\nmode = "auto"\ntarget = "file"',
            "target: must name a channel that takes requests, of kind airflow, github, http, webhook, got "
            '"file"',
        ),
        ("[metrics]\nport = 1", "metrics: is not a known key"),
        ("[web]\nport = 1", "retrain_token_env: is needed for reports, or ingest_token_env for rows"),
        (
            '[defaults.model.reference.source]\nkind = "parquet"\ntimestamp_zone = "EST5"',
            'reference.source.timestamp_zone: must be a time zone such as "UTC", got "EST5"',
        ),
        (
            '[models.churn.labels]\nsource = { kind = "csv", path = "l.csv" }\ncolumn = "y"',
            "labels.key: is needed",
        ),
    ],
)
def test_a_mistake_names_path_and_remedy(text: str, expected: str) -> None:
    """Path, expectation, value, hint."""
    (found,) = problems(GOOD + text)
    assert expected in found


def test_production_needs_a_time_column() -> None:
    """Without one there are no windows; a reference may do without."""
    (found,) = problems(GOOD.replace(', timestamp = "ts"', ""))
    assert found.startswith("line 3: models.churn.source.timestamp: is missing; name the column")


def test_a_default_that_is_wrong_is_said_once_where_it_stands() -> None:
    """Not once a model."""
    second = GOOD.replace("churn", "other")
    (found,) = problems(GOOD + second + '[defaults.model.window]\nevery = "x"\n')
    assert found.startswith("line 10: defaults.model.window.every: must be")


def test_defaults_are_merged_key_by_key() -> None:
    """A model's own key wins, the others stay."""
    text = '[defaults.model.window]\nevery = "1h"\nmin_rows = 7\n[models.churn.window]\nevery = "1w"\n'
    window = config(text).models["churn"].window
    assert (window.every, window.min_rows) == ("1w", 7)


def test_a_default_source_of_another_kind_leaves_no_option_behind() -> None:
    """Options of CSV mean nothing to Parquet."""
    text = '[defaults.model.source]\nkind = "csv"\nseparator = ";"\n'
    assert "separator" not in config(text).models["churn"].source.options


def test_a_digest_is_of_one_model_and_of_what_it_says() -> None:
    """Another model, a comment or a default said aloud under `defaults` does not change it; a key does."""
    before = config().digest("churn")
    assert (
        config(
            '# words\n[daemon]\ntick_s = 1.0\n[models.b]\ntask="regression"\n' + GOOD.split("\n", 2)[2]
        ).digest("churn")
        == before
    )
    assert config('[defaults.model]\nrunbook = "https://x"\n').digest("churn") != before


def test_paths_are_relative_to_the_file() -> None:
    """Wherever the daemon is started."""
    loaded = config(
        '[storage]\nurl = "sqlite:///leeway.db"\n[channels.log]\nkind = "log"\npath = "out.jsonl"\n'
    )
    assert loaded.models["churn"].source.options["path"] == "/etc/leeway/data/*.parquet"
    assert loaded.storage.url == "sqlite:////etc/leeway/leeway.db"
    assert loaded.channels["log"].options["path"] == "/etc/leeway/out.jsonl"


@pytest.mark.parametrize(
    "text",
    [
        '[channels.x]\nkind = "slack"\ntoken = "xoxb-canary"\nchannel = "#c"\n',
        '[channels.x]\nkind = "webhook"\nurl = "https://x"\nsecret = "canary"\n',
        '[storage]\nurl = "postgresql://leeway:canary@db/leeway"\n',
        '[channels.x]\nkind = "slack"\ntoken = ["canary"]\nchannel = "#c"\n',
        '[storage]\nurl = "postgresql://leeway:canary@db/leeway"\nurl_env = 3\n',
        '[models.m.source]\nkind = "sql"\ntable = "t"\nurl = "postgresql://leeway:canary@db/rows"\n',
        '[models.m.source]\nkind = "sql"\ntable = "t"\nurl = "postgresql://leeway@db/rows?password=canary"\n',
        '[models.m.labels]\nsource = { kind = "sql", table = "t", url = "postgresql://u:canary@db/rows" }\n',
    ],
)
def test_an_inline_secret_is_refused_and_never_repeated(text: str) -> None:
    """The remedy is named; the value is in no message and no cause."""
    with pytest.raises(ConfigError) as caught:
        parse(GOOD + text, path=Path("leeway.toml"), members=check)
    assert "_env" in str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in str(error)
        assert "canary" not in repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("text", "line"), [("a = \n", 1), ("[x]\ny = 1\ny = 2\n", 3), ("[x\n", 1), ('a = "', 1)]
)
def test_broken_toml_has_a_line(text: str, line: int) -> None:
    """Syntax is the only mistake that hides the others."""
    with pytest.raises(ConfigError) as caught:
        parse(text, path=Path("leeway.toml"))
    (problem,) = caught.value.problems
    assert problem.line == line


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(ConfigError, match="no such file; create it"):
        load(tmp_path / "leeway.toml")


def test_a_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "leeway.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="must be UTF-8"):
        load(tmp_path / "leeway.toml")


def test_what_is_judged_is_not_noted() -> None:
    """Slices, versions, latency and errors are used."""
    text = '[models.churn.columns]\nsegments = ["origin"]\nversion = "v"\nlatency_ms = "ms"\nerror = "e"\n'
    assert config(text).notes() == ()


def test_reference_spans_read_wall_clocks_in_the_windows_zone() -> None:
    """2013-03-04 in New York starts at 05:00 UTC."""
    text = """\
[models.churn]
task = "binary"
source = { kind = "parquet", path = "data/*.parquet", timestamp = "ts" }
[models.churn.reference]
from = 2013-03-04
to = "2013-04-29"
exclude = [{ from = 2013-03-09, to = 2013-03-11T00:00:00Z }]
[models.churn.window]
zone = "America/New_York"
"""
    model = parse(text, path=Path("leeway.toml")).models["churn"]
    assert model.reference_span is not None
    assert model.reference_span.start.isoformat() == "2013-03-04T05:00:00+00:00"
    assert model.excluded_spans[0].end.isoformat() == "2013-03-11T00:00:00+00:00"


def test_lines_follow_every_way_to_write_a_key() -> None:
    """Dotted and quoted keys, inline tables, arrays, arrays of tables."""
    found = lines('a.b = 1\n[c."d e"]\nf = { g = [\n 1,\n 2 ] }\n[[h]]\n[[h]]\n[h.i]\nj = 1\n')
    assert found["a", "b"] == 1
    assert found["c", "d e", "f", "g", 1] == 5
    assert found["h", 0] == 6
    assert found["h", 1, "i", "j"] == 9


def test_a_problem_spells_path_value_and_hint() -> None:
    """One line: place, expectation, value, hint."""
    problem = Problem(
        path=("models", "a b", "t", 0), expectation="must be x", got="y", hint="did you mean z?", line=3
    )
    assert str(problem) == 'line 3: models."a b".t[0]: must be x, got y; did you mean z?'


def test_labels_without_a_time_are_noted() -> None:
    """Nobody can tell later what was known when; with one, labels are used like the rest."""
    text = '[models.churn.labels]\ncolumn = "y"\n'
    (note,) = config(text).notes()
    assert note.startswith("models.churn.labels.available_at: is not given")
    assert config(text + 'available_at = "known"\n').notes() == ()


def test_what_a_database_does_not_count_is_noted() -> None:
    """By name, before anything is built; and which rows are read all the same."""
    text = '[models.churn.source]\nkind = "sql"\ntable = "t"\ntimestamp = "ts"\ncount = "database"\n'
    text += "[models.churn.reference]\nfrom = 2026-01-01\nto = 2026-02-01\n"
    model = '[models.churn]\ntask = "{}"\n' + text + '[models.churn.columns]\nfeatures = ["*"]\n'
    (plain,) = parse(model.format("regression") + 'score = "s"\n', path=Path("leeway.toml")).notes()
    assert plain.startswith("models.churn.source.count: the database does not count how columns go together:")
    scored = model.format("binary") + 'score = "s"\nsegments = ["origin"]\n'
    (note,) = parse(scored, path=Path("leeway.toml")).notes()
    assert "slices" not in note  # it counts those
    assert "columns of the score are read" in note


def test_a_second_score_cuts_no_slices() -> None:
    """It would be wanted as numbers and as labels at once: said before a window fails of it."""
    (problem,) = problems(GOOD + '[models.churn.columns]\nscore = "s"\nshadow = "t"\nsegments = ["c", "t"]\n')
    assert "segments: t is a second score" in problem


def test_the_time_of_a_label_has_one_name() -> None:
    """A time column of the labels' source beside `available_at` would be two answers to one question."""
    text = (
        '[models.churn.labels]\nsource = { kind = "csv", path = "l.csv", timestamp = "t" }\nkey = "id"\n'
        'column = "y"\navailable_at = "known"\n'
    )
    with pytest.raises(ConfigError, match=r"source\.timestamp: leave it out"):
        config(text)


def test_links_are_addresses_whose_braces_can_be_filled() -> None:
    """A misspelt part would stand in every message as it is."""
    links = config('[links]\npage = "https://x.example.com/{model}/{incident}"\n').links
    assert links.page == "https://x.example.com/{model}/{incident}"
    found = problems(GOOD + '[links]\npage = "https://x.example.com/{modle}"\nreport = "file:///etc"\n')
    assert len(found) == 2
    assert "cannot fill {modle} in; there is {model}, {column}" in found[0]
    assert "must begin with https://" in found[1]

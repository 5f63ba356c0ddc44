"""Do the documents say what the code does? As far as a machine can tell."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from alerting.channel import Failure
from alerting.channels.pagerduty import PagerDutyChannel
from alerting.channels.slack import SlackChannel
from alerting.connection import allows
from alerting.fold import FoldPolicy
from alerting.gates import gates
from alerting.grouping import GroupPolicy
from alerting.incident import ACKNOWLEDGED_FOR
from alerting.retraining_facts import RetrainingFacts, RetrainingPolicy
from alerting.verdict import IncidentKind, VerdictKind
from detectors import _ewma, _noise, _scatter, _slots
from monitor import policy, unit_change
from monitor.cli import FLAGS, build_app
from monitor.clock import SystemClock
from monitor.config_schema import schema
from monitor.daemon import STOP_WITHIN_S
from monitor.exits import Exit
from monitor.learning import MEMORY
from monitor.logs import EVENTS
from monitor.policy import Floors, JudgePolicy
from monitor.runtime import LEASE
from monitor.web.app import BODY_LIMIT
from storage.due_window import WindowState

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benchmarks").rglob("*.md")),
]
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in DOCUMENTS}
TEXTS["config.example.toml"] = (ROOT / "config.example.toml").read_text(encoding="utf-8")
ROOMS = ("monitor", "storage", "alerting", "detectors")
SOURCES = {path: path.read_text() for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
# What a person types, up to a comment or the end of the code: in back-ticks, or as a line of a block.
TYPED = re.compile(r"`leeway ([^`]*)`|^(?:[|→ ]*|.*\.venv/bin/)leeway (.*?)(?:\s{2,}#.*)?$", re.M)

document = pytest.mark.parametrize("name", sorted(TEXTS))


def flat(text: str) -> str:
    """In one line: where a line is wrapped says nothing."""
    return " ".join(text.split())


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@document
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link names a file that exists, and its anchor a heading of it."""
    for target in LINK.findall(FENCE.sub("", TEXTS[name])):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), target


@document
def test_named_files_exist(name: str) -> None:
    """A path of the tree in code type is there."""
    for code in CODE.findall(FENCE.sub("", TEXTS[name])):
        if re.fullmatch(r"(monitor|storage|alerting|detectors|tests|docs|benchmarks)/[\w./*-]*", code):
            assert list(ROOT.glob(code.rstrip("/"))), code


def test_sections_that_the_code_points_at_exist() -> None:
    """`docs/x.md, "section"` in a comment is the beginning, or a word, of a heading there."""
    for path, text in SOURCES.items():
        for file, section in re.findall(r'(docs/[\w-]+\.md),? (?:section )?"([^"]+)"', text):
            headings = re.findall(r"^#+ (.+)$", TEXTS[file], re.M)
            assert [h for h in headings if section.lower() in h.lower()], f"{path.name}: {file}, {section}"


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words begin with, and the words after it."""
    found: Any = typer.main.get_command(build_app())
    words = list(words)
    while words and hasattr(found, "commands"):
        while words and words[0].startswith("--"):  # global flags may stand first
            words = words[2 if words[0] == "--config" else 1 :]
        if not words or words[0] not in found.commands:
            break
        found = found.commands[words.pop(0)]
    return found, words


def complaint(typed: str) -> str:
    """Why `leeway typed` cannot be right; empty when it can."""
    words = re.split(r"\s+[|>]\s+|;|, ", typed)[0].replace("…", "").split()
    command, rest = command_of(words)
    flags = {"-h", "--help", "--config", *FLAGS}
    flags |= {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    top = words and words[0][0].isalpha() and words[0].islower()
    if hasattr(command, "commands"):
        if rest and top and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
            return f"no command {rest[0]!r} in `leeway {typed}`"
        flags.add("--version")
    unknown = [word for word in rest if word.startswith("-") and word.split("=")[0] not in flags]
    return f"no option {', '.join(unknown)} in `leeway {typed}`" if unknown else ""


def typed_in(text: str) -> Iterator[str]:
    for inline, line in TYPED.findall(text):
        yield inline or line


@document
def test_commands_exist(name: str) -> None:
    """Every `leeway …` that a document names is a command, with the options it names."""
    assert [wrong for typed in typed_in(TEXTS[name]) if (wrong := complaint(typed))] == []


def test_a_wrong_command_would_be_seen() -> None:
    """The test above is able to fail."""
    assert complaint("outbox burn")
    assert complaint("db repair")
    assert complaint("history verdicts --colour red")
    assert not complaint("--config x.toml history verdicts --last 3 --json")
    assert "run --once" in list(typed_in("or `leeway run --once`"))


def test_every_command_is_in_the_catalogue() -> None:
    """README.md names every command, and every one of a group."""
    root: Any = typer.main.get_command(build_app())
    rows = {
        cells[1].strip(): cells[2]
        for line in TEXTS["README.md"].splitlines()
        if len(cells := line.split("|")) > 3
    }
    for name, command in root.commands.items():
        for inner in getattr(command, "commands", {}):
            assert f"`{inner}`" in rows[f"`{name}`"], f"{name} {inner}"


def config_keys() -> dict[str, set[str]]:
    """The keys of every table of the config, by the table's name."""
    found: dict[str, set[str]] = {}
    root = schema()

    def walk(table: str, node: dict[str, Any]) -> None:
        if "$ref" in node:
            node = root["$defs"][node["$ref"].rpartition("/")[2]]
        for branch in (*node.get("anyOf", ()), node.get("items"), node.get("additionalProperties")):
            if isinstance(branch, dict):
                walk(table, branch)
        for key, inner in node.get("properties", {}).items():
            found.setdefault(table, set()).add(key)
            walk(key, inner)

    walk("", root)
    return found


KEYS = config_keys()


@document
def test_config_keys_exist(name: str) -> None:
    """`table.key` in code type is a key of that table."""
    for code in CODE.findall(FENCE.sub("", TEXTS[name])):
        table, _, key = code.partition(".")
        if table and table in KEYS and re.fullmatch(r"[a-z_]+", key) and code not in EVENTS:
            known = KEYS[table]
            # Members bring options of their own: the source's time options, a channel's secret.
            assert key in known or (
                "kind" in known and any(f"{key}:" in text for text in SOURCES.values())
            ), code


def test_words_in_code_type_are_words_of_the_code() -> None:
    """An identifier in back-ticks occurs somewhere in the tree."""
    code = "\n".join([*SOURCES.values(), *(p.read_text() for p in (ROOT / "storage").rglob("*.sql"))])
    code += (ROOT / "pyproject.toml").read_text() + "\n".join(
        p.read_text() for p in (ROOT / "benchmarks").rglob("*.py")
    )
    known = set(re.findall(r"\w+", code)) | {"token_file", "NAME_env", "NAME_file"}
    unknown = [
        f"{name}: {word}"
        for name, text in TEXTS.items()
        for word in CODE.findall(FENCE.sub("", text))
        if re.fullmatch(r"_*[a-z]+(_[a-z]+)+_*", word) and word not in known
    ]
    later = {"__performance__", "__joint__"}  # named as such in docs/history-schema.md
    assert [entry for entry in unknown if entry.rpartition(" ")[2] not in later] == []


def first_cells(heading: str, *, name: str = "docs/operations.md") -> list[str]:
    """The first column of the table under a heading, without its code type."""
    section = TEXTS[name].partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    return [cell.strip("`") for cell in rows[2:]]


def test_every_log_event_is_explained() -> None:
    """docs/operations.md has one row an event, in the order of the table in monitor/logs.py."""
    assert first_cells("Log") == list(EVENTS)


def test_every_exit_code_is_explained() -> None:
    """And the README's line has the same."""
    codes = [str(code.value) for code in Exit]
    assert first_cells("Exit codes") == codes
    line = flat(TEXTS["README.md"]).partition("Exit codes: ")[2].partition(" [docs")[0]
    assert re.findall(r"(?:^|, )(\d+) ", line) == codes


def test_every_window_state_is_explained() -> None:
    """docs/operations.md, in the order of a window's life."""
    assert first_cells("Window states") == [state.value for state in WindowState]


def test_every_verdict_and_incident_kind_is_named() -> None:
    """What a person may meet in a table is in docs/operations.md."""
    text = TEXTS["docs/operations.md"]
    for word in (*VerdictKind, *IncidentKind):
        assert f"`{word}`" in text, word


def test_every_failure_class_has_a_row() -> None:
    """docs/alerting.md says what happens after each."""
    for failure in Failure:
        assert f"| `{failure}` |" in TEXTS["docs/alerting.md"], failure


def test_every_retraining_gate_has_a_row() -> None:
    """docs/alerting.md has the gates, in their order."""
    facts = RetrainingFacts(model="m", incidents=(), windows=(), targets=frozenset())
    names = [gate.name for gate in gates(RetrainingPolicy(), facts, SystemClock().now())]
    assert first_cells("Retraining: the gates", name="docs/alerting.md") == names


def test_the_floors_are_those_of_the_code() -> None:
    """docs/detectors.md has every floor with its default."""
    section = TEXTS["docs/detectors.md"].partition("\n## Floors")[2].partition("\n## ")[0]
    rows = {row[0]: float(row[1]) for row in re.findall(r"\| `(\w+)` \| ([\d.]+) \|$", section, re.M)}
    assert set(rows) == set(Floors.__dataclass_fields__) - {"column"}
    assert rows == {name: JudgePolicy().floor("x", name) for name in rows}


FOLD, GROUP, RETRAIN = FoldPolicy(), GroupPolicy(), RetrainingPolicy()
DETECTORS = [
    f"this window's mix and shape: c1, c2, c3, levels, rest | {policy.ALPHA_SHEWHART:g} |",
    f"≥ {policy.EWMA_FLOOR:g} floor, and this window leans the same way",
    f"\\|z\\| ≥ {policy.EWMA_Z:g} | {policy.ALPHA_EWMA:g} |",
    f"adjusted p ≤ α/{policy.SURE:g}, and for a share at least {policy.SURE_EXCESS:g} rows off",
    f"the p at {policy.CLEAR_FLOOR:g} of the floor is above {policy.CLEAR:g}α",
    f"clear below {policy.CLEAR_THRESHOLD:g} of it",
    f"off by fewer than {policy.MIN_EXCESS:g} rows (`stuck`: {policy.SURE_EXCESS:g})",
    f"costs ≥ {-policy.HARM:g} point of accuracy",
    f"move by ≥ {JudgePolicy().pull:g}",
    f"a regression's by ≥ {policy.PULL_SD:g} of its sd",
    f"the change is ≥ {policy.LOUD:g} floors",
    f"breaches with |z| ≥ {policy.UNIT_Z:g}",
    f"within {100 * unit_change._NEAR:g} %",
    f"A window of fewer than `min_rows` ({JudgePolicy().min_rows})",
    f"z clipped to ±{_ewma.CLIP:g}",
    f"λ = {_ewma.LAMBDA:g}",
    f"e ← {1 - _ewma.LAMBDA:g} e + {_ewma.LAMBDA:g} z",
    f"L = min({_scatter._LAGS}, R/4)",
    f"within 0 to {_scatter._RHO_MAX:g}",
    f"no finer one beats by {100 * _slots.MIN_GAIN:g} %",
    f"needs {_slots.MIN_CYCLES} cycles",
    f"| ≥ {_noise.SMALL_COUNT:g} | t law |",
    f"| < {_noise.TINY_COUNT:g} | the exact count alone |",
    f"noise model of fewer than {_noise.ENOUGH_WINDOWS} windows",
    f"({MEMORY} back at most)",
]
SAID = [
    *(("docs/detectors.md", phrase) for phrase in DETECTORS),
    ("docs/alerting.md", f"(default {FOLD.fire_after} of {FOLD.fire_within})"),
    ("docs/alerting.md", f"resolve (default {FOLD.resolve_after})"),
    ("docs/alerting.md", f"within `reopen_within` windows ({FOLD.reopen_within})"),
    ("docs/alerting.md", f"after `health_for` windows ({FOLD.health_for})"),
    ("docs/alerting.md", f"({RETRAIN.breached} of {RETRAIN.within})"),
    ("docs/alerting.md", f"`min_rows` ({RETRAIN.min_rows})"),
    ("docs/alerting.md", f"`cooldown` ({RETRAIN.cooldown.days} days)"),
    ("docs/alerting.md", f"`max_a_day` ({RETRAIN.max_a_day})"),
    ("docs/alerting.md", f"`max_in_30_days` ({RETRAIN.max_in_30_days})"),
    ("docs/alerting.md", f"After `improve_within` ({RETRAIN.improve_within.days} days)"),
    ("docs/alerting.md", f"after `approve_within` ({RETRAIN.approve_within.total_seconds() / 3600:g} h)"),
    ("docs/alerting.md", f"after `in_flight_limit` ({RETRAIN.in_flight_limit.total_seconds() / 3600:g} h)"),
    ("docs/alerting.md", f"more than {BODY_LIMIT // 1024} kB"),
    ("docs/alerting.md", f"unacknowledged, {GROUP.repeat_every.total_seconds() / 3600:g} h later"),
    ("docs/alerting.md", f"holds for {ACKNOWLEDGED_FOR.total_seconds() / 3600:g} h"),
    ("docs/operations.md", f"loses it after {LEASE.total_seconds():g} s"),
    ("docs/operations.md", f"within {STOP_WITHIN_S:g} seconds"),
    ("docs/operations.md", f"after {FOLD.resolve_after} clear windows in a row"),
]


@pytest.mark.parametrize(("name", "phrase"), SAID, ids=[phrase for _, phrase in SAID])
def test_numbers_are_those_of_the_code(name: str, phrase: str) -> None:
    """A constant that changes takes its sentence along."""
    assert phrase in flat(TEXTS[name])


@pytest.mark.parametrize("name", ["docs/alerting.md", "config.example.toml"])
def test_allowed_hosts_to_copy_let_slack_and_pagerduty_through(name: str) -> None:
    """`*.slack.com` is not slack.com: with the first alone the channel is refused."""
    lists = re.findall(r"allowed_hosts = (\[[^\]]*\])", TEXTS[name])
    assert lists
    for written in lists:
        hosts = tuple(tomllib.loads(f"hosts = {written}")["hosts"])
        SlackChannel(token="xoxb-1", channel="C0123456789", allowed_hosts=hosts)
        PagerDutyChannel(routing_key="0" * 32, allowed_hosts=hosts)
        for host in (
            "files.slack.com",
            "hooks.slack.com",
            "wss-primary.slack.com",
        ):  # pictures, answers, Socket Mode
            assert allows(host, hosts), host


def test_the_slack_app_to_paste_may_do_what_the_code_does() -> None:
    """Every scope that an error of ours would ask for is in the manifest, and all that Socket Mode needs."""
    section = TEXTS["docs/alerting.md"].partition("### slack, both ways")[2].partition("\n### ")[0]
    manifest = section.partition("```yaml")[2].partition("```")[0]
    (granted,) = re.findall(r"bot: \[(.*)\]", manifest)
    scopes = set(granted.split(", "))
    asked = re.findall(r'scope(?:: str)? ?= ?"(\w+:\w+)"', SOURCES[ROOT / "alerting/channels/slack.py"])
    assert {"chat:write", "files:write"} <= set(asked), "the code is read right"
    assert set(asked) <= scopes
    assert "channels:history" in scopes, "to look a lost post up"
    assert "commands" in scopes
    assert "- command: /leeway\n" in manifest
    assert re.search(r"interactivity:\s+is_enabled: true", manifest), "buttons"
    assert "socket_mode_enabled: true" in manifest
    needed = re.findall(r"needs (\w+:\w+), and the app Socket Mode", SOURCES[ROOT / "monitor/slack_link.py"])
    assert needed == ["connections:write"]
    assert "`connections:write`, gives the app's (xapp-…)" in flat(section)


def test_the_changelog_knows_this_version() -> None:
    """The version of pyproject.toml has its section."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## [{version}]" in TEXTS["CHANGELOG.md"]

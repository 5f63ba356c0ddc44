"""What does `leeway` say when it cannot do what was typed? What, where, the next step, and an exit code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import cli
from monitor.exits import Exit
from tests.acceptance.fast import learn
from tests.acceptance.world import Shop, build_shop

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small shop with its reference built."""
    shop = build_shop(tmp_path_factory.mktemp("built") / "shop", days=2, broken=range(0))
    learn(shop)
    return shop


@pytest.fixture
def shop(built: Shop, tmp_path: Path) -> Shop:
    """A copy to break."""
    shutil.copytree(built.folder, tmp_path / "shop")
    return Shop(config=tmp_path / "shop/leeway.toml", start=built.start)


def leeway(
    config: Path | None, *arguments: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Typed at the root of the project; `before` goes in front of the whole command."""
    given = [] if config is None else ["--config", str(config)]
    return subprocess.run(
        [*before, sys.executable, "-m", "monitor", *given, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """It ended with this code and these words, and without a traceback."""
    assert done.returncode == code, (done.returncode, done.stderr)
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_no_config(tmp_path: Path) -> None:
    """Exit 2, where it looked, and both ways out."""
    done = leeway(tmp_path / "none.toml", "status")
    refused(done, 2, "none.toml", "no such file", "config.example.toml", "--config")


def test_a_config_that_is_no_toml(shop: Shop) -> None:
    """Exit 2 and the line."""
    shop.config.write_text(shop.config.read_text().replace('task = "binary"', "task = binary"))
    refused(leeway(shop.config, "run", "--once"), 2, "is not TOML", "line 8", "texts stand in quotes")


def test_every_problem_of_a_config_at_once(shop: Shop) -> None:
    """Exit 2; line, key, what is expected and the nearest known word of each."""
    text = shop.config.read_text()
    for before, after in {
        '"binary"': '"binry"',
        'every = "1d"': 'evry = "1d"',
        '"parquet"': '"parket"',
    }.items():
        text = text.replace(before, after)
    shop.config.write_text(text)
    done = leeway(shop.config, "config", "check")
    refused(done, 2, 'did you mean "binary"?', 'did you mean "every"?')
    assert done.stderr.count("line ") >= 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--bogus"), ("No such option",)),
        (("nonsense",), ("No such command",)),
        (("reference", "build"), ("Missing option", "--model")),
        (("run", "--at", "2026-01-01"), ("--at needs --once",)),
        (("run", "--once", "--at", "tomorrow"), ("--at must be a date or a time", "tomorrow")),
        (("history", "windows", "--since", "tomorrow"), ("must be a date", "tomorrow")),
        (("history", "verdicts", "--severity", "red"), ("must be ticket or page", "red")),
        (("reference", "build", "--model", "shp"), ("no model 'shp'", "there is shop")),
        (("reference", "show", "--model", "shop", "--version", "9"), ("no v9", "there is v1")),
        (("incidents", "show", "beef"), ("no incident 'beef'", "leeway incidents list --all")),
        (("channels", "test", "oncall"), ("no channel 'oncall'",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_words(built: Shop, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    """Exit 2, the word that was wrong, and what there is."""
    refused(leeway(built.config, *arguments), 2, *words)


def test_no_reference_yet(shop: Shop) -> None:
    """`run` says so and goes on, `status` names the command, `evaluate` refuses."""
    (shop.folder / "leeway.db").unlink()
    done = leeway(shop.config, "run", "--once")
    assert done.returncode == 0, done.stderr
    assert "leeway reference build --model shop" in done.stderr
    assert "next: leeway reference build --model shop" in leeway(shop.config, "status").stdout
    refused(leeway(shop.config, "evaluate", "--model", "shop"), 2, "reference build --model shop")


def test_no_reference_data(shop: Shop) -> None:
    """A missing, an empty and a damaged file: exit 69, its path and what to do."""
    path = shop.folder / "data/reference.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-50])
    refused(leeway(shop.config, "reference", "build", "-m", "shop"), 69, str(path), "cannot be read")
    path.unlink()
    refused(leeway(shop.config, "reference", "build", "-m", "shop"), 69, str(path), "no such file")


def test_no_database(shop: Shop) -> None:
    """Deleted: readers say where it should be; exit 69."""
    (shop.folder / "leeway.db").unlink()
    refused(leeway(shop.config, "status"), 69, "leeway.db: no such database", "leeway run")


def test_no_folder_for_the_database(shop: Shop) -> None:
    """Exit 69 and the folder to create."""
    shop.config.write_text(shop.config.read_text().replace("leeway.db", "gone/leeway.db"))
    refused(leeway(shop.config, "run", "--once"), 69, "does not exist; create it")


def test_a_damaged_database(shop: Shop) -> None:
    """Exit 69: never an empty history that looks fine."""
    path = shop.folder / "leeway.db"
    path.write_bytes(b"not a database" + path.read_bytes()[14:])
    for command in (("status",), ("run", "--once")):
        refused(leeway(shop.config, *command), 69, "leeway.db", "leeway db restore FILE")


def test_another_databases_url(shop: Shop) -> None:
    """A database this version does not speak to."""
    shop.config.write_text(shop.config.read_text().replace("sqlite:///leeway.db", "mysql://db/leeway"))
    refused(leeway(shop.config, "status"), 69, "mysql is not supported", "sqlite:///path")


@pytest.fixture
def bound() -> tuple[str, ...]:
    """What to put before a command so that permissions apply to it: root may do anything."""
    if os.geteuid() != 0:
        return ()
    bound = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    # util-linux has it, and every Debian has util-linux: without it this is not proven, so it must not pass.
    assert shutil.which("setpriv") is not None, (
        "running as root needs setpriv (util-linux) to give up its rights"
    )
    subprocess.run([*bound, "true"], check=True)
    return bound


def test_a_database_that_may_not_be_read(shop: Shop, bound: tuple[str, ...]) -> None:
    """Permission denied: exit 69, and whose it is."""
    (shop.folder / "leeway.db").chmod(0)
    done = leeway(shop.config, "status", before=bound)
    refused(done, 69, "leeway.db", "owner")
    refused(leeway(shop.config, "run", "--once", before=bound), 69, "leeway.db", "owner")


def test_a_folder_that_may_not_be_written(shop: Shop, bound: tuple[str, ...]) -> None:
    """A read-only file and folder: exit 69, and what must be allowed."""
    (shop.folder / "leeway.db").chmod(0o444)
    shop.folder.chmod(0o555)
    try:
        refused(leeway(shop.config, "run", "--once", before=bound), 69, "leeway.db", "owner")
    finally:
        shop.folder.chmod(0o755)


def test_a_config_that_may_not_be_read(shop: Shop, bound: tuple[str, ...]) -> None:
    """Exit 2 and who must be able to read it."""
    shop.config.chmod(0)
    refused(leeway(shop.config, "status", before=bound), 2, "permission denied", "this user may read")


def test_a_bug_is_not_an_answer() -> None:
    """Exit 1 means "found what you asked about": a bug leaves with 70, which cli.py spells out by itself."""
    assert cli.INTERNAL == Exit.INTERNAL

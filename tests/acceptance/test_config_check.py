"""`leeway config check` makes every channel, and says which secret is missing and what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.world import build_shop

ROOT = Path(__file__).parents[2]
CHANNELS = """
[channels.pager]
kind = "pagerduty"
routing_key_env = "LEEWAY_TEST_PAGER_KEY"

[channels.mail]
kind = "email"
host = "smtp.example.com"
sender = "leeway@example.com"
to = ["ada@example.com"]
username = "leeway"
password_file = "no-such-file"

[channels.hook]
kind = "webhook"
url = "https://hooks.example.org/leeway"
secret_env = "LEEWAY_TEST_HOOK_SECRET"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A shop with three channels, and none of their secrets."""
    shop = build_shop(tmp_path / "shop", days=2, broken=range(0))
    shop.config.write_text(shop.config.read_text() + CHANNELS)
    return shop.config


def check(config: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", "--config", str(config), "config", "check", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_every_missing_secret_is_an_error_with_its_remedy(config: Path) -> None:
    """All at once, each with its line; what needs no secret is not blamed."""
    done = check(config)
    assert done.returncode == 2
    lines = config.read_text().splitlines()
    for key, said in {
        'routing_key_env = "LEEWAY_TEST_PAGER_KEY"': "variable LEEWAY_TEST_PAGER_KEY is not set; export",
        'password_file = "no-such-file"': "cannot be read: No such file",
        'secret_env = "LEEWAY_TEST_HOOK_SECRET"': "variable LEEWAY_TEST_HOOK_SECRET is not set; export",
    }.items():
        (told,) = (line for line in done.stderr.splitlines() if said in line)
        assert f"line {lines.index(key) + 1}:" in told
    assert "is missing" not in done.stderr  # it is given, and said once
    assert "Traceback" not in done.stderr


def test_without_secrets_the_rest_is_checked(config: Path) -> None:
    """As in a pipeline, which has none."""
    assert check(config, "--without-secrets").returncode == 0


def test_a_secret_that_cannot_be_one_is_refused_and_not_repeated(config: Path) -> None:
    """The channel itself is made: what it refuses at start is told now."""
    (config.parent / "no-such-file").write_text("CANARY")
    environment = {"LEEWAY_TEST_PAGER_KEY": "CANARY", "LEEWAY_TEST_HOOK_SECRET": "CANARY!"}
    done = check(config, **environment)
    assert done.returncode == 2
    assert "channels.pager.routing_key: must be the 32 letters and digits" in done.stderr
    assert "channels.hook.secret: must be whsec_ followed by base64" in done.stderr
    assert "CANARY" not in done.stdout + done.stderr


def test_a_host_that_is_not_on_the_list_is_refused(config: Path) -> None:
    """`daemon.allowed_hosts` holds for every channel that has no list of its own."""
    text = '[daemon]\nallowed_hosts = ["*.example.com", "events.pagerduty.com"]\n'
    config.write_text(config.read_text() + text)
    (config.parent / "no-such-file").write_text("secret")
    secrets = {
        "LEEWAY_TEST_PAGER_KEY": "0" * 32,
        "LEEWAY_TEST_HOOK_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
    }
    done = check(config, **secrets)
    assert "channels.hook.url: hooks.example.org is not among the allowed_hosts" in done.stderr
    assert done.stderr.count("not among the allowed_hosts") == 1


def test_a_source_without_its_secret_is_an_error_with_its_line(config: Path) -> None:
    """As for a channel; a pipeline that has none passes it over."""
    files = 'kind = "parquet"\npath = "data/orders-*.parquet"'
    text = config.read_text().partition("[channels.")[0]
    assert files in text
    written = 'url_env = "LEEWAY_TEST_ROWS_URL"'
    config.write_text(text.replace(files, f'kind = "sql"\ntable = "orders"\n{written}'))
    done = check(config)
    assert done.returncode == 2
    line = config.read_text().splitlines().index(written) + 1
    assert f"line {line}: " in done.stderr
    assert "variable LEEWAY_TEST_ROWS_URL is not set; export" in done.stderr
    assert check(config, "--without-secrets").returncode == 0
    assert check(config, LEEWAY_TEST_ROWS_URL="postgresql://u:CANARY@db/rows").returncode == 0
    refused = check(config, LEEWAY_TEST_ROWS_URL="CANARY")
    assert refused.returncode == 2
    assert "must be a database URL" in refused.stderr
    assert "CANARY" not in refused.stderr + refused.stdout

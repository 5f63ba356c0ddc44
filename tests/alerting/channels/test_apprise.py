"""The library in its child process, against a loopback server of its `json://` service."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.channels.apprise import AppriseChannel
from alerting.message import word
from alerting.notification import Notification
from tests.alerting.outbox_rows import NOW, facts, notification
from tests.loopback import Loopback, Reply
from tests.patience import within

HOOK = "/hook/CANARY-secret"


def apprise(server: Loopback, **options: Any) -> AppriseChannel:
    given = {"service_url": f"json://127.0.0.1:{server.port}{HOOK}", "allow_private": True}
    return AppriseChannel(**{**given, "deadline_s": within(30.0), **options})


def send(channel: AppriseChannel, row: Notification) -> None:
    channel.send(row, word(row, NOW))


def failure(channel: AppriseChannel, row: Notification | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row or notification())
    return caught.value


def test_a_message_arrives(server: Loopback) -> None:
    """Heading as title, the rest as text; the colour by severity; a repeat says so."""
    send(apprise(server), notification(uncertain=True))
    (post,) = server.accepted()
    assert post["json"]["title"].startswith("(possible repeat) 🔴 delays: distance looks like ×1.609")
    assert "Runbook: https://wiki.example.com/delays" in post["json"]["message"]
    assert post["json"]["type"] == "failure"


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, Failure.CHANNEL_BROKEN), (429, Failure.RATE), (400, Failure.PAYLOAD), (503, Failure.TRANSIENT)],
)
def test_statuses_have_their_class(status: int, expected: Failure, server: Loopback) -> None:
    """The library says no more than no: the status is seen below it."""
    server.script(HOOK, [Reply(status=status, headers={"Retry-After": "7"}, accept=False)])
    failed = failure(apprise(server))
    assert failed.failure is expected
    assert failed.retry_after_s == (7.0 if status == 429 else None)


def test_no_redirect_is_followed(server: Loopback, other: Loopback) -> None:
    """T10: though the library would, and though the URL asks for it."""
    server.always(HOOK, Reply(status=307, headers={"Location": f"{other.url}/"}, accept=False))
    url = f"json://127.0.0.1:{server.port}{HOOK}?redirect=yes"
    assert failure(apprise(server, service_url=url)).failure is Failure.CHANNEL_BROKEN
    assert other.seen == []


def test_a_reset_is_ambiguous_and_nobody_is_unknown(server: Loopback) -> None:
    """T4; and a service that is not there was certainly told nothing."""
    server.script(HOOK, [Reply(end="reset")])
    assert failure(apprise(server)).failure is Failure.AMBIGUOUS
    assert len(server.accepted()) == 1
    server.__exit__(None, None, None)
    assert failure(apprise(server)).failure is Failure.TRANSIENT


def test_the_deadline_kills(server: Loopback) -> None:
    """T9: a drip that the library would follow for minutes; no process is left behind."""
    server.script(HOOK, [Reply(end="drip_headers")])  # without end
    began, deadline_s = time.monotonic(), within(8.0)  # the child has to start in it
    assert failure(apprise(server, deadline_s=deadline_s)).failure is Failure.AMBIGUOUS
    assert time.monotonic() - began < deadline_s + within(1.0)
    running = subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True)
    assert HOOK not in running.stdout


def test_a_gigabyte_is_not_read(server: Loopback) -> None:
    """T9: 64 kB are enough."""
    server.script(HOOK, [Reply(end="huge")])
    began = time.monotonic()
    send(apprise(server), notification())
    assert time.monotonic() - began < within(30.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"allow_private": False}, "allow_private"), ({"allowed_hosts": ("*.example.com",)}, "allowed_hosts")],
)
def test_where_it_may_not_go_it_does_not(options: dict[str, Any], said: str, server: Loopback) -> None:
    """T29: looked at when it connects, below the library."""
    failed = failure(apprise(server, **options))
    assert failed.failure is Failure.CHANNEL_BROKEN
    assert said in failed.reason
    assert server.seen == []


def test_no_proxy_from_the_environment(
    server: Loopback, other: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would see the URL."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    send(apprise(server), notification())
    assert (len(server.accepted()), other.seen) == (1, [])


def test_a_url_nobody_understands_breaks_the_channel(server: Loopback) -> None:
    """The library knows what it can spell."""
    failed = failure(apprise(server, service_url="nosuchservice://CANARY"))
    assert failed.failure is Failure.CHANNEL_BROKEN
    assert "CANARY" not in failed.reason


@pytest.mark.parametrize("url", ["", "CANARY", "json://a/CANARY json://b", "json://a\r\nCANARY"])
def test_options_that_cannot_work_are_refused(url: str, server: Loopback) -> None:
    """At start, by name, without the URL."""
    with pytest.raises(ValueError, match=r"^service_url: ") as caught:
        apprise(server, service_url=url)
    assert "CANARY" not in str(caught.value)


def test_without_the_library_the_config_says_what_to_do(tmp_path: Path) -> None:
    """As on a machine where the extra was not installed."""
    script = (
        "import sys\n"
        "sys.modules['apprise'] = None\n"
        "from pathlib import Path\n"
        "from monitor import build\n"
        "from monitor.config_file import load\n"
        f"build.build_channels(load(Path({str(tmp_path / 'leeway.toml')!r}), members=build.check))\n"
    )
    text = '[channels.chat]\nkind = "apprise"\nservice_url_env = "LEEWAY_TEST_SERVICE"\n'
    (tmp_path / "leeway.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "LEEWAY_TEST_SERVICE": "json://127.0.0.1/CANARY"},
    )
    assert "channels.chat: the library is not installed" in done.stderr
    assert "pip install 'leeway-monitor[notify]'" in done.stderr


def test_no_secret_in_repr_error_or_log(
    server: Loopback, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """T24: the library writes the URL to its log; that log goes nowhere."""
    channel = apprise(server)
    said = [repr(channel)]
    server.script(HOOK, [Reply(status=500, body=b"CANARY", accept=False), Reply(end="reset")])
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            failed = failure(channel)
            said += [str(failed), repr(failed), repr(failed.__cause__)]
    assert "CANARY" not in "\n".join([*said, caplog.text, *capfd.readouterr()])


def test_hostile_names_ring_nobody(server: Loopback) -> None:
    """No mention, no link, no mark-up: chats make them of plain words."""
    name = "@everyone <!channel> <@U1> [x](https://evil.example) www.evil.example"
    send(apprise(server), notification(facts=facts(model=name)))
    (post,) = server.accepted()
    text = post["json"]["title"] + post["json"]["message"].replace("https://wiki.example.com/delays", "")
    assert not any(bad in text for bad in ("@", "<", ">", "](", "://", "www."))

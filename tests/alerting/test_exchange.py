"""One HTTP request out, and what we know when it fails."""

import resource
import threading
import time
from typing import Any

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.connection import is_public
from alerting.exchange import ANSWER_LIMIT, Answer, check_url, post
from tests.loopback import Loopback, Reply


def ask(server: Loopback, **options: Any) -> Answer:
    given = {"headers": {}, "body": b"{}", "deadline_s": 5.0, "allow_http": True, "allow_private": True}
    return post(f"{server.url}/hook", **{**given, **options})


def failure(server: Loopback, **options: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        ask(server, **options)
    return caught.value


def test_an_answer_is_returned_whatever_its_status(server: Loopback) -> None:
    """What a status means is the caller's business."""
    server.script("/hook", [Reply(status=503, body=b"later", headers={"Retry-After": "7"})])
    answer = ask(server)
    assert (answer.status, answer.body, answer.headers["retry-after"], answer.whole) == (
        503,
        b"later",
        "7",
        True,
    )


@pytest.mark.parametrize("end", ["hang", "drip_headers", "drip"])
def test_the_deadline_holds_and_the_connection_is_gone(end: Any, server: Loopback) -> None:
    """T9: ends within the deadline, and the server sees the connection end too: nothing is left behind."""
    server.script("/hook", [Reply(end=end)])
    began = time.monotonic()
    failed = failure(server, deadline_s=0.3)
    assert time.monotonic() - began < 1.3
    assert failed.failure is Failure.AMBIGUOUS
    assert "within 0.3 s" in failed.reason
    for thread in threading.enumerate():
        if thread.name == "leeway-exchange":
            thread.join(2)
            assert not thread.is_alive()


def test_a_gigabyte_is_cut_at_the_limit(server: Loopback) -> None:
    """T9: the memory of the process grows by less than 20 MB."""
    server.script("/hook", [Reply(end="huge")])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = ask(server)
    assert (len(answer.body), answer.whole, answer.cut) == (ANSWER_LIMIT, False, False)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB; the server's part too


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(Reply(end="reset"), "reset"), (Reply(body=b"", headers={"X": "y" * 70_000}), "LineTooLong")],
)
def test_an_end_after_writing_is_ambiguous(reply: Reply, expected: str, server: Loopback) -> None:
    """It may have been read."""
    server.script("/hook", [reply])
    failed = failure(server)
    assert failed.failure is Failure.AMBIGUOUS
    assert expected in failed.reason


def test_a_body_cut_short_is_said(server: Loopback) -> None:
    """The status is known, the rest is not."""
    server.script("/hook", [Reply(status=200, body=b"half", end="cut")])
    answer = ask(server)
    assert (answer.status, answer.body, answer.whole, answer.cut) == (200, b"half", False, True)


def test_refused_is_transient(server: Loopback) -> None:
    """Nobody listens: certainly not accepted."""
    server.__exit__(None, None, None)
    failed = failure(server)
    assert failed.failure is Failure.TRANSIENT
    assert "connection refused" in failed.reason


def test_tls_against_plain_http_is_transient(server: Loopback) -> None:
    """The handshake failed: nothing of the request was written."""
    with pytest.raises(DeliveryError) as caught:
        post(f"https://127.0.0.1:{server.port}/", headers={}, body=b"", deadline_s=0.5, allow_private=True)
    assert caught.value.failure is Failure.TRANSIENT
    assert server.seen == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "localhost"])
def test_private_addresses_are_not_connected_to(host: str, server: Loopback) -> None:
    """The resolved address is what counts, however it is written."""
    with pytest.raises(DeliveryError) as caught:
        post(f"http://{host}:{server.port}/", headers={}, body=b"", deadline_s=5, allow_http=True)
    assert caught.value.failure is Failure.CHANNEL_BROKEN
    assert server.seen == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("169.254.169.254", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::10.0.0.1", False),  # NAT64
        ("64:ff9b::127.0.0.1", False),
        ("64:ff9b::93.184.216.34", True),
        ("64:ff9b:1::10.0.0.1", False),
        ("2002:a00:1::1", False),  # 6to4 of 10.0.0.1
        ("2002:5db8:d822::1", True),
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::1", False),
        ("fe80::1%lo", False),
        ("2606:4700::1111", True),
        ("ff0e::1", False),
    ],
)
def test_which_addresses_lead_out(address: str, public: bool) -> None:
    """T29: whatever form an address inside takes, as a resolver may answer it."""
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("hosts", "good"), [((), True), (("127.0.0.*",), True), (("*.example.com", "EXAMPLE.com"), False)]
)
def test_a_host_that_is_not_on_the_list_is_not_connected_to(
    hosts: tuple[str, ...], good: bool, server: Loopback
) -> None:
    """Looked at for each request, whatever URL it was given."""
    if good:
        assert ask(server, allowed_hosts=hosts).status == 200
    else:
        failed = failure(server, allowed_hosts=hosts)
        assert failed.failure is Failure.CHANNEL_BROKEN
        assert "not among the allowed_hosts" in failed.reason
        assert server.seen == []


@pytest.mark.parametrize("secret", ["CANARY\n", "CANARY\r\nX: y", "CANARY\r", "CANÁRY €", "CANARY\ud800"])
def test_a_header_that_cannot_be_sent_is_not_repeated(secret: str, server: Loopback) -> None:
    """T24: http.client quotes it. A person has to set it again, whatever is tried."""
    with pytest.raises(DeliveryError) as caught:
        ask(server, headers={"Authorization": secret})
    assert caught.value.failure is Failure.CHANNEL_BROKEN
    assert "CAN" not in str(caught.value)
    assert server.seen == []


def test_no_proxy_from_the_environment(
    server: Loopback, other: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would see the token."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    assert ask(server).status == 200
    assert other.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/CANARY",
        "ftp://hooks.example.com/CANARY",
        "hooks.example.com/CANARY",
        "https:///CANARY",
        "https://me:CANARY@hooks.example.com/",
        "https://hooks.example.com/CANARY\r\nX: y",
        "https://hooks.example.com/CANARÝ",
        "https://hooks.example.com:99999/CANARY",
        "https://hooks..example.com/CANARY",
        f"https://{'x' * 64}.example.com/CANARY",
        "",
    ],
)
def test_urls_that_are_refused_are_not_repeated(url: str) -> None:
    """They may hold a secret."""
    with pytest.raises(ValueError, match=r"must|[Pp]ort") as caught:
        check_url(url, allow_http=False)
    assert "CANAR" not in str(caught.value)

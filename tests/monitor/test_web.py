"""A trainer reports over HTTP: who may, what each answer means, and that nobody can hold the daemon up."""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config import WebConfig
from monitor.config_problem import ConfigError
from monitor.exits import CommandError
from monitor.reloading import needs_restart
from monitor.runtime import InForce
from monitor.web.listener import CONNECTIONS, Listener
from monitor.web.tokens import Tokens, read_tokens
from tests.monitor.retraining_life import Life, life

TOKEN, OLD = "a-token-of-the-trainer", "the-token-before-that"
TEN_MB = 10 * 1024 * 1024


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Life]:
    with life(tmp_path) as made:
        made.drift()
        yield made


@pytest.fixture
def web(asked: Life, tmp_path: Path) -> Iterator[Listener]:
    with listening(asked, tmp_path) as made:
        yield made


@contextlib.contextmanager
def listening(asked: Life, folder: Path) -> Iterator[Listener]:
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "old").write_text(OLD)
    config = WebConfig(
        port=0, retrain_token_file=str(folder / "token"), old_retrain_token_file=str(folder / "old")
    )
    made = Listener(config, InForce(runtime=asked.runtime), answer_within_s=2.0)
    made.start()
    try:
        yield made
    finally:
        thread = made.stop()
        thread.join(10)
        assert not thread.is_alive()


def call(
    web: Listener,
    request_id: str,
    said: object = None,
    *,
    token: str | None = TOKEN,
    method: str = "POST",
    raw: bytes | None = None,
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(str(web.host), web.port, timeout=20)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    body = json.dumps(said).encode() if raw is None else raw
    with contextlib.closing(connection):
        connection.request(method, f"/api/v1/retraining/{request_id}", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")


def test_a_trainer_reports(asked: Life, web: Listener) -> None:
    """Running, then done; said again it is the same; another end is refused, with how it stands."""
    id_ = asked.latest().id
    assert call(web, id_, {"state": "running"}) == (
        200,
        {"id": id_, "model": "shop", "state": "running", "heard": "taken", "detail": "taken: it is running"},
    )
    status, said = call(web, id_, {"state": "succeeded", "model_version": "v2"})
    assert (status, said["state"], said["heard"]) == (200, "succeeded", "taken")
    assert call(web, id_, {"state": "succeeded", "model_version": "v2"})[1]["heard"] == "again"
    status, said = call(web, id_, {"state": "failed"})
    assert (status, said["detail"]) == (409, "not taken: it has succeeded already with v2")
    assert asked.latest().model_version == "v2"
    assert asked.kinds() == ["requested", "sent", "running", "succeeded", "late_report"]
    assert call(web, id_, method="GET")[1] == {
        "id": id_,
        "model": "shop",
        "state": "succeeded",
        "answer": "waiting",
    }


def test_what_nobody_waits_for_is_gone(asked: Life, web: Listener) -> None:
    """Expired: 410, and the report is kept; an id that never was: 404."""
    asked.wait(timedelta(days=2))
    asked.look()
    status, said = call(web, asked.latest().id, {"state": "succeeded"})
    assert (status, said["heard"]) == (410, "over")
    assert asked.kinds()[-1] == "late_report"
    assert call(web, "f" * 32, {"state": "running"})[0] == 404
    assert call(web, "f" * 32, method="GET")[0] == 404


def test_a_proposal_takes_no_report(tmp_path: Path) -> None:
    """Nobody was asked yet."""
    with life(tmp_path, mode="approve") as made:
        made.drift()
        with listening(made, tmp_path) as web:
            status, said = call(web, made.latest().id, {"state": "running"})
    assert (status, said["heard"]) == (409, "not_asked")


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", f"{TOKEN} {TOKEN}", "\u00e4"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_token_no_answer(token: str | None, method: str, asked: Life, web: Listener) -> None:
    """T28: 401, whatever is asked, and nothing changes."""
    assert call(web, asked.latest().id, {"state": "failed"}, token=token, method=method)[0] == 401
    assert asked.latest().state == "sent"


def test_a_token_in_the_address_is_none(asked: Life, web: Listener) -> None:
    """Addresses are logged everywhere."""
    path = f"{asked.latest().id}?token={TOKEN}&access_token={TOKEN}"
    assert call(web, path, {"state": "running"}, token=None)[0] == 401


def test_both_tokens_hold_while_one_is_changed(asked: Life, web: Listener) -> None:
    """Whichever the trainer has."""
    assert call(web, asked.latest().id, {"state": "running"}, token=OLD)[0] == 200


def test_tokens_are_in_no_repr() -> None:
    """Nor are their digests."""
    assert "xxxx" not in repr(Tokens(retrain=[b"x" * 32]))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"state": "done"}',
        b"\xff",
        b'{"state": "running", "x": 1}',
        b"[" * 5000,
        b'{"state": NaN}',
        b'"succeeded"',
        b'{"state": "failed", "detail": "\\ud800"}',
    ],
)
def test_what_is_no_report_is_refused(raw: bytes, asked: Life, web: Listener) -> None:
    """400, saying what is wrong."""
    status, said = call(web, asked.latest().id, raw=raw)
    assert status == 400
    assert said["detail"].startswith("no report: ")
    assert asked.latest().state == "sent"


def test_a_body_is_bounded(asked: Life, web: Listener) -> None:
    """413, or cut off, without reading all of it."""
    with contextlib.suppress(ConnectionError):  # who goes on sending is hung up on
        assert call(web, asked.latest().id, raw=b" " * TEN_MB)[0] == 413
    assert call(web, asked.latest().id, {"state": "running"})[0] == 200


def test_who_sends_nothing_is_given_up(asked: Life, web: Listener) -> None:
    """A body that does not come ends by itself; others are answered meanwhile."""
    head = f"POST /api/v1/retraining/{asked.latest().id} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    head += f"Authorization: Bearer {TOKEN}\r\n\r\n"
    with socket.create_connection((str(web.host), web.port), timeout=20) as slow:
        slow.sendall(head.encode() + b"{")
        assert call(web, asked.latest().id, {"state": "running"})[0] == 200
        assert not slow.recv(100).startswith(b"HTTP/1.1 200")
    assert call(web, asked.latest().id, method="GET")[0] == 200


def test_who_only_connects_holds_no_place(asked: Life, web: Listener) -> None:
    """T28: as many as are answered at once, who say nothing or stop in the middle: they are hung up on."""
    id_ = asked.latest().id
    with contextlib.ExitStack() as idle:
        for n in range(CONNECTIONS):
            made = idle.enter_context(socket.create_connection((str(web.host), web.port), timeout=20))
            made.sendall(b"" if n % 2 else b"POST / HTTP/1.1\r\nHost: ")
        assert made.recv(100) == b""  # after answer_within_s
        assert call(web, id_, {"state": "running"})[0] == 200


def test_many_reports_at_once_have_one_effect(asked: Life, web: Listener) -> None:
    """Twenty threads say that it is done: one is taken, the others said it again."""
    heard: list[str] = []

    def say() -> None:
        heard.append(call(web, asked.latest().id, {"state": "succeeded", "model_version": "v2"})[1]["heard"])

    threads = [threading.Thread(target=say) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(heard) == ["again"] * 19 + ["taken"]
    assert asked.kinds().count("succeeded") == 1


def test_other_ways_and_addresses(web: Listener) -> None:
    """405, 404, and the schema for whoever writes a client."""
    assert call(web, "x", method="DELETE")[0] == 405
    connection = http.client.HTTPConnection(str(web.host), web.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", "/api/v1/schema")
        answer = connection.getresponse()
        document = json.loads(answer.read())
    assert "/api/v1/retraining/{request_id}" in document["paths"]


def test_a_port_that_is_taken_is_said(asked: Life, tmp_path: Path) -> None:
    """Before anything starts, with what to change."""
    (tmp_path / "token").write_text(TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = WebConfig(port=port, retrain_token_file=str(tmp_path / "token"))
        with pytest.raises(CommandError, match=r"change web\.host or web\.port") as caught:
            Listener(config, InForce(runtime=asked.runtime))
    assert caught.value.code == 69


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    """By its key, without it."""
    (tmp_path / "token").write_text("short")
    with pytest.raises(ConfigError, match="16 characters") as caught:
        read_tokens(WebConfig(retrain_token_file=str(tmp_path / "token")))
    assert "short" not in str(caught.value)


def test_a_changed_listener_waits_for_a_restart(asked: Life) -> None:
    """A reload cannot move it, and says so."""
    before = asked.runtime.config
    after = before.model_copy(update={"web": WebConfig(retrain_token_env="X")})
    assert needs_restart(before, after) == ["web"]


def test_nobody_pays_for_what_is_off() -> None:
    """Without [web] neither Litestar nor uvicorn is loaded by the daemon."""
    program = (
        "import sys, monitor.daemon, monitor.opening\n"
        "print([name for name in ('litestar', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

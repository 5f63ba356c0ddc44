"""Targets against a real server: what each is sent, and what each status means."""

import base64
import json
import logging
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from alerting.channel import DeliveryError, Failure
from alerting.channels.airflow import AirflowChannel
from alerting.channels.github import GithubChannel
from alerting.channels.http import HttpChannel
from alerting.channels.webhook import WebhookChannel
from alerting.message import word
from alerting.notification import Action, Notification
from monitor.members import Family, kinds, member
from monitor.targets import REQUESTS_ONLY, TARGETS
from tests.alerting.outbox_rows import NOW, notification
from tests.loopback import Loopback, Reply

ID = "5e" * 16
REQUEST = {
    "id": ID,
    "event": "model.retraining.requested",
    "model": 'de"lays</script>',
    "incidents": ["i1"],
    "windows": [{"start": "2013-05-13", "rows": 973}],
    "reference": {"version": 2, "digest": "ab"},
}
TOKEN = "CANARY-token-of-a-target"
T, R, B, P, A = (
    Failure.TRANSIENT,
    Failure.RATE,
    Failure.CHANNEL_BROKEN,
    Failure.PAYLOAD,
    Failure.AMBIGUOUS,
)
OPEN = {"allow_http": True, "allow_private": True}
PATHS = {
    "github": "/repos/acme/models/dispatches",
    "airflow": "/api/v2/dags/retrain/dagRuns",
    "http": "/jobs/CANARY",
}
TAKES = {"github": 204, "airflow": 200, "http": 202}
Target = GithubChannel | AirflowChannel | HttpChannel


def target(kind: str, server: Loopback, **options: Any) -> Target:
    match kind:
        case "github":
            given = {"url": server.url, "repository": "acme/models", "token": TOKEN}
            return GithubChannel(**{**given, **OPEN, **options})
        case "airflow":
            given = {"url": server.url, "dag": "retrain", "token": TOKEN}
            return AirflowChannel(**{**given, **OPEN, **options})
        case _:
            given = {"url": f"{server.url}/jobs/CANARY", "token": TOKEN}
            return HttpChannel(**{**given, **OPEN, **options})


def asking(**changed: object) -> Notification:
    facts = {"model": "delays", "kind": "retraining", "retraining": {"request": {**REQUEST, **changed}}}
    return replace(notification(action=Action.REQUEST, facts=facts), key=ID)


def send(channel: Target, row: Notification | None = None) -> None:
    row = row or asking()
    channel.send(row, word(row, NOW))


def failure(channel: Target, row: Notification | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(channel, row)
    return caught.value


def test_the_config_knows_every_target() -> None:
    """The words of monitor/targets.py are those of the members."""
    takes = [k for k in kinds(Family.CHANNEL) if getattr(member(Family.CHANNEL, k), "takes_requests", False)]
    assert tuple(takes) == TARGETS
    assert set(REQUESTS_ONLY) == set(TARGETS) - {"webhook"}


@pytest.mark.parametrize("kind", sorted(PATHS))
def test_a_host_that_is_not_on_the_list_is_not_asked(kind: str, server: Loopback) -> None:
    """`daemon.allowed_hosts` is about every channel: also about those that only take requests."""
    with pytest.raises(ValueError, match=r"url: 127\.0\.0\.1 is not among the allowed_hosts"):
        target(kind, server, allowed_hosts=("*.example.com",))
    server.always(PATHS[kind], Reply(status=TAKES[kind]))
    send(target(kind, server, allowed_hosts=("127.0.0.1",)))
    assert len(server.requests(PATHS[kind])) == 1


def test_github_gets_a_dispatch(server: Loopback) -> None:
    """Event, payload with one request, token and version of the API."""
    server.always(PATHS["github"], Reply(status=204))
    send(target("github", server))
    (seen,) = server.seen
    assert (seen.method, seen.headers["authorization"]) == ("POST", f"Bearer {TOKEN}")
    assert seen.headers["x-github-api-version"] == "2022-11-28"
    assert seen.json == {
        "event_type": "model.retraining.requested",
        "client_payload": {"id": ID, "model": 'de"lays</script>', "request": REQUEST},
    }


def test_airflow_gets_a_run_of_the_requests_id(server: Loopback) -> None:
    """Version 2 names no logical date; version 1 has another address, and takes a password."""
    server.always(PATHS["airflow"], Reply(status=200))
    server.always("/api/v1/dags/retrain/dagRuns", Reply(status=200))
    send(target("airflow", server))
    send(target("airflow", server, api="v1", token="", user="leeway", password="CANARY"))
    second, first = server.seen[::-1]
    assert first.path == PATHS["airflow"]
    assert first.json == {"dag_run_id": ID, "conf": REQUEST, "logical_date": None}
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert second.path == "/api/v1/dags/retrain/dagRuns"
    assert second.json == {"dag_run_id": ID, "conf": REQUEST}
    pair = base64.b64encode(b"leeway:CANARY").decode()
    assert second.headers["authorization"] == f"Basic {pair}"


def test_any_service_gets_its_own_body(server: Loopback) -> None:
    """Hostile names stay in their places; the id is a header, too, where one is named."""
    body = {"job": 7, "idempotency_token": "{id}", "params": {"m": "{model}", "v": "{reference_version}"}}
    channel = target("http", server, body=body, id_header="Idempotency-Key", headers={"X-Team": "ml"})
    server.always(PATHS["http"], Reply(status=202))
    send(channel)
    (seen,) = server.seen
    assert json.loads(seen.body) == {
        "job": 7,
        "idempotency_token": ID,
        "params": {"m": 'de"lays</script>', "v": 2},
    }
    assert (seen.headers["idempotency-key"], seen.headers["x-team"]) == (ID, "ml")
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"


STATUSES: list[tuple[int, Failure]] = [
    *((status, T) for status in (408, 425, 500, 502, 503, 504)),
    (429, R),
    *((status, B) for status in (301, 302, 303, 307, 308, 401, 403, 404, 405, 410)),
    *((status, P) for status in (400, 413, 422)),
]


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_every_status_has_its_class(
    kind: str, status: int, expected: Failure, server: Loopback, other: Loopback
) -> None:
    """T7, T10: whatever is said in the body; a redirect leads nowhere."""
    reply = Reply(status=status, body=b"<html>", headers={"Location": f"{other.url}/"}, accept=False)
    server.script(PATHS[kind], [reply])
    assert failure(target(kind, server)).failure is expected
    assert other.seen == []


def test_each_knows_what_success_is(server: Loopback) -> None:
    """GitHub says 204 and nothing else; what answers 200 there is not GitHub."""
    server.script(PATHS["github"], [Reply(status=200)])
    assert failure(target("github", server)).failure is A
    server.script(PATHS["github"], [Reply(status=409)])
    assert failure(target("github", server)).failure is P


def test_a_conflict_means_accepted_before(server: Loopback) -> None:
    """A run of this id is there: what was uncertain had arrived. Elsewhere only if the config says so."""
    server.script(PATHS["airflow"], [Reply(status=409)])
    send(target("airflow", server))
    server.script(PATHS["http"], [Reply(status=409), Reply(status=409)])
    send(target("http", server, taken=(409,)))
    assert failure(target("http", server)).failure is P


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (403, {"Retry-After": "60"}, 60.0),
        (429, {"Retry-After": "7"}, 7.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90.0),
    ],
)
def test_github_says_when_its_limit_ends(
    status: int, headers: dict[str, str], wait: float, server: Loopback
) -> None:
    """As 403 as well as 429; a 403 without it is a refusal."""
    server.script(PATHS["github"], [Reply(status=status, headers=headers, accept=False)])
    error = failure(target("github", server))
    assert (error.failure, error.retry_after_s) == (R, wait)


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("end", ["reset", "hang"])
def test_no_answer_is_ambiguous(kind: str, end: Any, server: Loopback) -> None:
    """T4, T9: accepted once; whether it is sent again hangs on the target."""
    server.script(PATHS[kind], [Reply(end=end)])
    assert failure(target(kind, server, deadline_s=0.4)).failure is A
    assert len(server.seen) == 1


def test_only_who_knows_a_repeat_is_asked_again() -> None:
    """Airflow by the run's id; the others as their service does."""
    assert AirflowChannel.idempotent
    assert not GithubChannel.idempotent
    assert not HttpChannel(url="https://x").idempotent
    assert not WebhookChannel(url="https://x", secret="whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0").idempotent


@pytest.mark.parametrize("kind", PATHS)
def test_they_take_requests_alone(kind: str, server: Loopback) -> None:
    """A page for people is refused before it is sent, and a test would start a run."""
    for row in (notification(), notification(action=Action.TEST)):
        assert failure(target(kind, server), row).failure is P
    assert server.seen == []


@pytest.mark.parametrize("kind", PATHS)
def test_it_says_where_it_leads(kind: str, server: Loopback) -> None:
    """For the allow-list."""
    assert target(kind, server).host == "127.0.0.1"


@pytest.mark.parametrize("kind", PATHS)
def test_private_addresses_need_leave(kind: str, server: Loopback) -> None:
    """T29: checked at connect time."""
    assert failure(target(kind, server, allow_private=False)).failure is B
    assert server.seen == []


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        ("github", {"repository": "acme"}, "repository"),
        ("github", {"repository": "acme/.."}, "repository"),
        ("github", {"repository": "acme/../../x"}, "repository"),
        ("github", {"event_type": "x" * 101}, "event_type"),
        ("github", {"url": "http://me:CANARY@x/"}, "url"),
        ("airflow", {"dag": "../../admin"}, "dag"),
        ("airflow", {"dag": ".."}, "dag"),
        ("airflow", {"user": "me", "password": "CANARY"}, "user"),
        ("airflow", {"url": "ftp://CANARY"}, "url"),
        ("http", {"url": "CANARY"}, "url"),
        ("http", {"body": {"x": "{nobody}"}}, "body"),
        ("http", {"headers": {"Authorization": "CANARY"}}, "headers"),
        ("http", {"headers": {"X-A": "a\r\nX-B: CANARY"}}, "headers"),
        ("http", {"id_header": "bad name"}, "headers"),
        ("http", {"taken": (200,)}, "taken"),
    ],
)
def test_options_that_cannot_work_are_refused(
    kind: str, options: dict[str, Any], named: str, server: Loopback
) -> None:
    """At start, by name, without a secret."""
    with pytest.raises(ValueError, match=f"^{named}: ") as caught:
        target(kind, server, **options)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("kind", PATHS)
def test_no_secret_in_repr_error_or_log(
    kind: str, server: Loopback, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """T24: with every failure provoked at DEBUG."""
    replies = [Reply(status=status, body=TOKEN.encode()) for status in (302, 400, 401, 429, 500)]
    replies += [Reply(end="reset"), Reply(end="hang")]
    channel = target(kind, server, deadline_s=0.3)
    said = [repr(channel)]
    server.script(PATHS[kind], replies)
    with caplog.at_level(logging.DEBUG):
        for _ in replies:
            failed = failure(channel)
            said += [str(failed), repr(failed), repr(failed.__cause__)]
    text = "\n".join([*said, caplog.text, *capfd.readouterr()])
    for canary in ("CANARY", quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode()):
        assert canary not in text

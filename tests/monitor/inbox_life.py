"""A shop whose model sends its rows over HTTP: a real listener on loopback and a real folder."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config import WebConfig
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.runtime import InForce, Runtime
from monitor.sources.ingest import IngestSource
from monitor.web.listener import Listener
from tests.acceptance.fast import DAY, reconfigure
from tests.acceptance.world import Shop, build_shop

TOKEN, OLD = "a-token-of-the-models", "the-token-before-that"
FILES = '\n[models.shop.source]\nkind = "parquet"\npath = "data/orders-*.parquet"\ntimestamp = "ts"\n'
SOURCE = '\n[models.shop.source]\nkind = "ingest"\npath = "inbox"\ntimestamp = "ts"\n{more}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    said: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def detail(self) -> str:
        return str(self.said.get("detail", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One listener, `shop` its model."""

    shop: Shop
    runtime: Runtime
    web: Listener

    @property
    def source(self) -> IngestSource:
        found = self.runtime.models["shop"].source
        assert isinstance(found, IngestSource)
        return found

    @property
    def files(self) -> list[str]:
        """Of the inbox, whatever their names."""
        return sorted(path.name for path in self.source.inbox.folder.iterdir() if path.name != ".lock")

    def send(self, rows: object, **options: Any) -> Answer:
        return send(str(self.web.host), self.web.port, rows, **options)


def send(
    host: str,
    port: int,
    rows: object = None,
    *,
    raw: bytes | None = None,
    key: str | None = None,
    token: str | None = TOKEN,
    kind: str | None = "application/json",
    coding: str | None = None,
    model: str = "shop",
) -> Answer:
    """`rows` as JSON, or `raw` as it is."""
    given = {
        "Content-Type": kind,
        "Content-Encoding": coding,
        "Idempotency-Key": key,
        "Authorization": None if token is None else f"Bearer {token}",
    }
    connection = http.client.HTTPConnection(host, port, timeout=60)
    with contextlib.closing(connection):
        body = json.dumps(rows).encode() if raw is None else raw
        headers = {name: value for name, value in given.items() if value is not None}
        connection.request("POST", f"/api/v1/ingest/{model}", body, headers)
        answer = connection.getresponse()
        return Answer(
            status=answer.status, said=json.loads(answer.read() or b"{}"), headers=dict(answer.getheaders())
        )


@contextlib.contextmanager
def life(folder: Path, *, more: str = "", extra: str = "", answer_within_s: float = 20.0) -> Iterator[Life]:
    """`more`: options of the source; `extra`: of the config."""
    logs.configure(quiet=True)
    shop = build_shop(folder / "shop", days=0, extra=extra)
    reconfigure(shop, {FILES: SOURCE.format(more=more)})
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "old").write_text(OLD)
    web = WebConfig(
        port=0, ingest_token_file=str(folder / "token"), old_ingest_token_file=str(folder / "old")
    )
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start + DAY)) as runtime:
        listener = Listener(web, InForce(runtime=runtime), answer_within_s=answer_within_s)
        listener.start()
        try:
            yield Life(shop=shop, runtime=runtime, web=listener)
        finally:
            thread = listener.stop()
            thread.join(20)
            assert not thread.is_alive()

"""A real server that speaks S3, on loopback, for the tests: moto's own. One a test run, a bucket a test."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self
from urllib.request import Request, urlopen

from obstore.store import S3Store


@dataclass(slots=True)
class ObjectStore:
    """One server; `with ObjectStore.fresh() as store`. Any key opens it."""

    endpoint: str
    _numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    @contextmanager
    def fresh(cls) -> Iterator[Self]:
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # a second; most tests need none

        os.environ["MOTO_S3_DEFAULT_MAX_KEYS"] = "3"  # so that most listings have more than one page
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield cls(f"http://{host}:{port}")
        finally:
            server.stop()

    def bucket(self) -> "Bucket":
        """A new, empty one."""
        bucket = Bucket(name=f"rows-{next(self._numbers)}", options=options(self.endpoint))
        with urlopen(Request(f"{self.endpoint}/{bucket.name}", method="PUT")):
            return bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`options`: of a source that reads there."""

    name: str
    options: dict[str, Any]

    def url(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, content: bytes) -> None:
        self._store.put(key, content)

    def get(self, key: str) -> bytes:
        return bytes(self._store.get(key).bytes())

    def delete(self, key: str) -> None:
        self._store.delete(key)

    @property
    def _store(self) -> S3Store:
        names = ("endpoint", "region", "access_key_id", "secret_access_key")
        given = {name: self.options[name] for name in names}
        return S3Store(self.name, **given, client_options={"allow_http": True})


def options(endpoint: str) -> dict[str, Any]:
    """Of a source at an endpoint of ours."""
    return {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "leeway",
        "secret_access_key": "CANARY-secret",
        "allow_http": True,
        "allow_private": True,
    }

"""What must be said of an object store before a path can lead into it, and does it fit together?"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from alerting.connection import check_host, is_public
from alerting.exchange import check_url
from monitor.config_types import PositiveDuration
from monitor.source import SourceError

SCHEME = "s3://"
CONNECT_S = 10
RETRIES = 3  # of one request; a window that fails is tried again by the ledger
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")  # those that the libraries read too


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Of every source whose rows may be in an object store.

    Without keys those of the environment or the machine's role are taken, unless `anonymous`.
    `allowed_hosts`: globs; empty: every host. `request_timeout`: of one request.
    """

    endpoint: str = ""  # of a store that is not Amazon's
    region: str = ""
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    anonymous: bool = False
    allow_http: bool = False
    allow_private: bool = False
    allowed_hosts: tuple[str, ...] = ()
    request_timeout: PositiveDuration = timedelta(minutes=1)

    @property
    def said(self) -> Mapping[str, str]:
        """Where and as whom, as far as it is said."""
        given = {
            "endpoint": self.endpoint or endpoint_of_environment(),
            "region": self.region,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "session_token": self.session_token,
        }
        return {name: value for name, value in given.items() if value}

    def of_polars(self) -> dict[str, Any]:
        """The same and for how long, as polars spells it."""
        limit_s = self.request_timeout.total_seconds()
        given: dict[str, Any] = {f"aws_{name}": value for name, value in self.said.items()}
        if "aws_endpoint" in given:
            given["aws_endpoint_url"] = given.pop("aws_endpoint")
        if self.anonymous:
            given["aws_skip_signature"] = "true"
        return given | {
            "aws_allow_http": str(self.allow_http).lower(),
            "connect_timeout": f"{CONNECT_S} seconds",
            "timeout": f"{max(1, round(limit_s))} seconds",
            "max_retries": RETRIES,
            "retry_timeout_ms": max(1, round(limit_s * 1000)),
        }

    def check(self) -> None:
        """ValueError, with the option, for what does not fit together."""
        if bool(self.access_key_id) != bool(self.secret_access_key):
            missing = "secret_access_key" if self.access_key_id else "access_key_id"
            raise ValueError(f"{missing}: is missing; the two keys belong together")
        if self.session_token and not self.access_key_id:
            raise ValueError("session_token: needs access_key_id and secret_access_key, to which it belongs")
        if self.anonymous and self.access_key_id:
            raise ValueError("anonymous: must be false where there are keys")
        if self.access_key_id and not self.session_token and os.environ.get("AWS_SESSION_TOKEN"):
            raise ValueError(
                "session_token: is missing, and AWS_SESSION_TOKEN of the environment would be sent with the "
                "keys of the config; unset it, or give the session_token of these keys"
            )
        host = _host(self.endpoint, self.region, allow_http=self.allow_http)
        try:
            check_host(host, self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"endpoint: {error}") from None


OPTIONS = tuple(StoreOptions.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOptions(StoreOptions):
    """Of a source of files: `path` says whether they are here or in a store, `s3://bucket/prefix/*.parquet`."""

    path: str

    @property
    def is_remote(self) -> bool:
        return self.path.startswith(SCHEME)

    def check_path(self) -> None:
        """ValueError, with the option, for what cannot be meant."""
        if self.is_remote:
            if not bucket_of(self.path):
                raise ValueError(f"path: must name a bucket, such as {SCHEME}bucket/prefix/*.parquet")
            self.check()
            obstore()
            return
        if "://" in self.path:
            raise ValueError(f"path: must be a local path or begin with {SCHEME}, got {self.path!r}")
        for name in OPTIONS:
            if getattr(self, name) != StoreOptions.__dataclass_fields__[name].default:
                raise ValueError(
                    f"{name}: is for a path that begins with {SCHEME}, which {self.path!r} does not"
                )


def obstore() -> ModuleType:
    """ValueError where it is not installed."""
    try:
        import obstore.store  # noqa: PLC0415 - an extra, and only where objects are read
    except ModuleNotFoundError:
        raise ValueError(
            f"path: {SCHEME} needs the extra s3, which is not installed; pip install 'leeway-monitor[s3]'"
        ) from None
    return obstore


def bucket_of(path: str) -> str:
    return path.removeprefix(SCHEME).partition("/")[0]


def endpoint_of_environment() -> str:
    return next((found for name in _ENDPOINTS if (found := os.environ.get(name, ""))), "")


def _host(endpoint: str, region: str, *, allow_http: bool) -> str:
    endpoint = endpoint or endpoint_of_environment()
    if not endpoint:
        return f"s3.{region or os.environ.get('AWS_REGION', '') or 'us-east-1'}.amazonaws.com"
    try:
        return check_url(endpoint, allow_http=allow_http).hostname or ""
    except ValueError as error:
        raise ValueError(f"endpoint: {error}") from None


def must_be_public(url: str, where: str) -> None:
    """SourceError, about `where`, unless the host of a URL is met outside.

    The libraries resolve it again: this is against a mistake, not against who rules the name.
    """
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        raise SourceError(f"{where}: the name of {url} is not resolved", transient=True) from None
    if not all(is_public(str(entry[4][0])) for entry in found):
        raise SourceError(
            f"{where}: {url} is a private address; allow_private = true permits it", transient=False
        )

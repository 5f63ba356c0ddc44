"""What must be said of an object store before a path can lead into it, and does it fit together?"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType

from alerting.connection import check_host
from alerting.exchange import check_url
from monitor.config_types import PositiveDuration

SCHEME = "s3://"
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")  # those that the libraries read too


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Of every source whose `path` may be that of objects, `s3://bucket/prefix/*.parquet`.

    Without keys those of the environment or the machine's role are taken, unless `anonymous`.
    `allowed_hosts`: globs; empty: every host. `request_timeout`: of one request.
    """

    path: str
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
    def is_remote(self) -> bool:
        return self.path.startswith(SCHEME)

    def check(self) -> None:
        """ValueError, with the option, for what cannot be meant."""
        if not self.is_remote:
            if "://" in self.path:
                raise ValueError(f"path: must be a local path or begin with {SCHEME}, got {self.path!r}")
            for name in OPTIONS:
                if getattr(self, name) != StoreOptions.__dataclass_fields__[name].default:
                    raise ValueError(
                        f"{name}: is for a path that begins with {SCHEME}, which {self.path!r} does not"
                    )
            return
        if not bucket_of(self.path):
            raise ValueError(f"path: must name a bucket, such as {SCHEME}bucket/prefix/*.parquet")
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
        obstore()


OPTIONS = tuple(name for name, each in StoreOptions.__dataclass_fields__.items() if name != "path")


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

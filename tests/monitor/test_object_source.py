"""What only rows in an object store ask: where it is, as whom we come, and what it answers."""

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from detectors._column import Kind
from monitor import build
from monitor.config import Config
from monitor.config_file import parse
from monitor.config_problem import ConfigError
from monitor.members import check
from monitor.source import SourceError
from monitor.sources._object_errors import refusal
from monitor.sources._objects import _fits
from monitor.sources._store_options import OPTIONS
from monitor.sources.parquet import ParquetSource
from storage.span import Span
from tests.object_store import Bucket, ObjectStore, options

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
WANTED = {"x": Kind.NUMERIC}


def parquet(hours: int = 24) -> bytes:
    written = io.BytesIO()
    frame = pl.DataFrame({"ts": [T0 + timedelta(hours=hour) for hour in range(hours)], "x": [1.0] * hours})
    frame.write_parquet(written)
    return written.getvalue()


@pytest.fixture
def bucket(object_store: ObjectStore) -> Bucket:
    return object_store.bucket()


@pytest.fixture(autouse=True)
def without_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


def read(source: ParquetSource) -> int:
    return sum(batch.rows for batch in source.pull(DAY, WANTED).batches)


def at(server: HTTPServer, **more: Any) -> ParquetSource:
    """Objects of a server that need not be well."""
    given = {"path": "s3://rows/a/*.parquet", "timestamp": "ts", "request_timeout": timedelta(seconds=1)}
    return ParquetSource(**{**options(server.url_for("").rstrip("/")), **given, **more})


def failing(source: ParquetSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(source)
    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None or "CANARY" not in str(caught.value.__cause__)
    return caught.value


NAMES = ["a b", "ünï", "100%", "x+y", "q?&=", "per%20cent", "h#1", "it's", "[1]", "back\\slash", "a=b"]


@pytest.mark.parametrize("name", NAMES)
def test_objects_of_any_name_are_read(bucket: Bucket, name: str) -> None:
    """Never taken for a pattern, a fragment or a query."""
    bucket.put(f"day=1/{name}.parquet", parquet())
    source = ParquetSource(path=bucket.url("day=1/"), timestamp="ts", **bucket.options)
    assert read(source) == 24
    assert source.schema().keys() == {"ts", "x"}


def test_a_folder_may_be_empty_and_a_file_may_not(bucket: Bucket) -> None:
    """There are no folders in a store: only the slash says that one is meant."""
    assert ParquetSource(path=bucket.url("day/"), timestamp="ts", **bucket.options).watermark() is None
    with pytest.raises(SourceError, match="no such file; end it with /"):
        ParquetSource(path=bucket.url("day"), timestamp="ts", **bucket.options).watermark()


def test_what_a_console_makes_for_an_empty_folder_is_no_file(bucket: Bucket) -> None:
    """An object without bytes whose name ends with a slash."""
    bucket.put("day/", b"")
    bucket.put("day/a.parquet", parquet())
    for path in ("day/", "day/*", "day/**"):
        assert read(ParquetSource(path=bucket.url(path), timestamp="ts", **bucket.options)) == 24


def test_more_objects_than_one_page_holds_are_all_found(bucket: Bucket) -> None:
    """A thousand a page with Amazon, three here; in a folder, in folders, by a glob."""
    content = parquet(1)
    for index in range(20):
        bucket.put(f"many/{index % 2}/{index:05d}.parquet", content)
    for path, found in (("many/", 20), ("many/0/*.parquet", 10), ("many/**/*.parquet", 20)):
        assert read(ParquetSource(path=bucket.url(path), timestamp="ts", **bucket.options)) == found


def test_a_bucket_that_is_not_there_needs_a_person(object_store: ObjectStore) -> None:
    """Unlike a glob that matches nothing yet."""
    source = ParquetSource(path="s3://nowhere/*.parquet", timestamp="ts", **options(object_store.endpoint))
    error = failing(source)
    assert not error.transient
    assert "answered 404 NoSuchBucket; correct the bucket's name in `path`" in error.reason


def answering(status: int, code: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>CANARY</Message></Error>" if code else "CANARY"
    return Response(body, status=status)


@pytest.mark.parametrize(
    ("status", "code", "transient", "words"),
    [
        (403, "AccessDenied", False, "403 AccessDenied; allow s3:ListBucket"),
        (403, "SignatureDoesNotMatch", False, "check `secret_access_key`"),
        (403, "InvalidAccessKeyId", False, "does not know `access_key_id`"),
        (403, "RequestTimeTooSkewed", True, "set this machine's clock"),
        (403, "InvalidObjectState", False, "archived"),
        (400, "ExpiredToken", False, "new `session_token`"),
        (400, "AuthorizationHeaderMalformed", False, "set `region`"),
        (301, "PermanentRedirect", False, "set `region`"),
        (401, "", False, "check `access_key_id`"),
        (403, "", False, "allow s3:ListBucket"),
        (404, "", False, "is `endpoint` an S3 endpoint"),
        (429, "", True, "fewer requests"),
        (500, "InternalError", True, "not well"),
        (503, "SlowDown", True, "fewer requests"),
        (502, "", True, "not well"),
    ],
)
def test_each_answer_asks_for_something(
    httpserver: HTTPServer, status: int, code: str, transient: bool, words: str
) -> None:
    """And nothing of it is repeated but the store's own word: an answer may come from anywhere."""
    httpserver.expect_request("/rows").respond_with_response(answering(status, code))
    error = failing(at(httpserver))
    assert error.transient is transient
    assert words in error.reason
    assert "s3://rows/a/*.parquet at http://" in error.reason


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_answer_that_passes_is_asked_for_again(httpserver: HTTPServer, status: int) -> None:
    """By the libraries, both of them: one bad answer among many is no failed window."""
    shown = parquet()
    for path in ("/rows", "/rows/a.parquet"):
        httpserver.expect_oneshot_request(path).respond_with_response(answering(status, ""))
    httpserver.expect_request("/rows").respond_with_data("<ListBucketResult></ListBucketResult>")
    httpserver.expect_request("/rows/a.parquet").respond_with_handler(lambda request: part(request, shown))
    assert read(at(httpserver, path="s3://rows/a.parquet")) == 24
    asked = [each.status_code for each in (response for _, response in httpserver.log)]
    assert asked.count(status) == 2


def part(request: Request, content: bytes) -> Response:
    """A range of an object, as S3 answers."""
    said = request.headers.get("Range", "").removeprefix("bytes=")
    head = {"ETag": '"1"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT", "Accept-Ranges": "bytes"}
    if not said:
        return Response(content, headers=head)
    first, _, last = said.partition("-")
    start = int(first) if first else max(0, len(content) - int(last))
    end = min(int(last) + 1 if first and last else len(content), len(content))
    head["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
    return Response(content[start:end], status=206, headers=head)


@pytest.fixture
def stuck(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    """A server that takes requests and does not answer before the test ends."""
    over = threading.Event()

    def wait(request: Request) -> Response:
        over.wait(30)
        return Response(status=500)

    httpserver.expect_request("/rows").respond_with_handler(wait)
    yield httpserver
    over.set()


def test_a_store_that_hangs_is_given_up(stuck: HTTPServer) -> None:
    """`request_timeout` for a request, and the window is tried again later."""
    error = failing(at(stuck))
    assert error.transient
    assert "no answer" in error.reason or "did not answer" in error.reason


def test_a_redirect_is_no_store(httpserver: HTTPServer) -> None:
    """It is followed by the libraries; what is met there is not repeated."""
    httpserver.expect_request("/rows").respond_with_data(
        "", status=307, headers={"Location": httpserver.url_for("/other")}
    )
    httpserver.expect_request("/other").respond_with_data("<html><br>CANARY</html>")
    error = failing(at(httpserver))
    assert "does not speak S3" in error.reason


def test_nobody_there_is_transient(httpserver: HTTPServer) -> None:
    """It may come back."""
    httpserver.stop()
    try:
        error = failing(at(httpserver))
    finally:
        httpserver.start()
    assert error.transient
    assert "is the endpoint reachable" in error.reason


def test_an_endpoint_inside_must_be_meant(httpserver: HTTPServer) -> None:
    """A typing error must not knock at the neighbours."""
    error = failing(at(httpserver, allow_private=False))
    assert not error.transient
    assert "private address; allow_private = true" in error.reason
    assert not httpserver.log


def test_an_endpoint_of_the_environment_is_an_endpoint(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries read the variable; so the rules are about it too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", httpserver.url_for("").rstrip("/"))
    error = failing(at(httpserver, endpoint="", allow_private=False))
    assert "private address" in error.reason
    with pytest.raises(ValueError, match="endpoint: must begin with https"):
        at(httpserver, endpoint="", allow_http=False)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": "gs://b/x"}, "path: must be a local path or begin with s3://"),
        ({"path": "s3://"}, "path: must name a bucket"),
        ({"path": "rows/*.parquet", "endpoint": "https://x.example"}, "endpoint: is for a path that begins"),
        ({"path": "rows/*.parquet", "anonymous": True}, "anonymous: is for a path that begins"),
        ({"endpoint": "http://minio.example"}, "endpoint: must begin with https://"),
        ({"endpoint": "minio.example"}, "endpoint: must be a URL"),
        ({"endpoint": "https://u:CANARY@minio.example"}, "endpoint: must not hold a user name"),
        (
            {"endpoint": "https://minio.example", "allowed_hosts": ("*.org",)},
            "endpoint: minio.example is not",
        ),
        ({"allowed_hosts": ("*.org",), "region": "eu-1"}, "endpoint: s3.eu-1.amazonaws.com is not"),
        ({"access_key_id": "k"}, "secret_access_key: is missing"),
        ({"secret_access_key": "CANARY"}, "access_key_id: is missing"),
        ({"session_token": "CANARY"}, "session_token: needs access_key_id"),
        (
            {"access_key_id": "k", "secret_access_key": "CANARY", "anonymous": True},
            "anonymous: must be false",
        ),
    ],
)
def test_options_that_do_not_fit_are_named(given: dict[str, Any], words: str) -> None:
    """With the option, and without what it holds."""
    with pytest.raises(ValueError, match="^" + words) as caught:
        ParquetSource(**{"path": "s3://rows/x.parquet", **given})
    assert "CANARY" not in str(caught.value)


def test_a_token_of_the_environment_is_not_sent_with_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries would, and the store would refuse all three."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "CANARY")
    keys = {"access_key_id": "k", "secret_access_key": "s"}
    with pytest.raises(ValueError, match="AWS_SESSION_TOKEN of the environment would be sent"):
        ParquetSource(path="s3://rows/x", **keys)
    ParquetSource(path="s3://rows/x", session_token="t", **keys)
    ParquetSource(path="s3://rows/x")


def test_keys_are_shown_nowhere(bucket: Bucket) -> None:
    """Not even where a source is printed."""
    source = ParquetSource(path=bucket.url("x"), session_token="CANARY-token", **bucket.options)
    assert "CANARY" not in repr(source) + repr(source._files) + repr(source._files.place)


def test_without_keys_is_said_so() -> None:
    """The libraries ask the machine's metadata service, and that there is none is not what a person needs."""
    text = "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token - HTTP error"
    assert refusal(text) == (
        "the store was not asked",
        False,
        "no keys: set access_key_id_env and secret_access_key_env, or anonymous = true",
    )
    assert refusal("parquet: File out of specification: the footer is too short") is None


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("*.parquet", "a.parquet", True),
        ("*.parquet", "b/a.parquet", False),
        ("**/*.parquet", "a.parquet", True),
        ("**/*.parquet", "b/c/a.parquet", True),
        ("b/**", "b/c/a.parquet", True),
        ("*/c/?.parquet", "b/c/a.parquet", True),
        ("day=[12]/*", "day=3/a", False),
        ("A*", "a", False),
    ],
)
def test_globs_mean_what_they_mean_on_disk(tmp_path: Path, glob: str, name: str, fits: bool) -> None:
    """A star does not reach over a slash, two do."""
    assert _fits(name.split("/"), glob.split("/")) is fits
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    local = ParquetSource(path=str(tmp_path / glob))
    assert bool(local._files.place.find()) is fits


MODEL = """\
[models.m]
task = "binary"
[models.m.source]
kind = "parquet"
path = "s3://rows/day/*.parquet"
timestamp = "ts"
endpoint = "https://minio.example"
access_key_id = "k"
{secret}
[models.m.reference]
source = {{ kind = "parquet", path = "reference.parquet" }}
"""


def config(secret: str = 'secret_access_key_env = "T_ROWS_KEY"') -> Config:
    return parse(MODEL.format(secret=secret), path=Path("/etc/leeway/leeway.toml"), members=check)


def test_keys_come_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in the config is refused and not repeated; the path is not taken for one beside the file."""
    monkeypatch.setenv("T_ROWS_KEY", "s")
    source = build.build_source(config().models["m"].source)
    assert isinstance(source, ParquetSource)
    assert (source.path, source.secret_access_key) == ("s3://rows/day/*.parquet", "s")
    with pytest.raises(ConfigError, match="secret_access_key: must not be in the config") as caught:
        config('secret_access_key = "CANARY"')
    assert "CANARY" not in str(caught.value)


def test_a_file_given_by_hand_is_one_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`leeway check --data` of a model whose production is in a store."""
    monkeypatch.setenv("T_ROWS_KEY", "s")
    (tmp_path / "a.parquet").write_bytes(parquet())
    made = build.build_file_source(config().models["m"], tmp_path / "a.parquet")
    assert made.timed
    assert set(build.STORE_OPTIONS) == set(OPTIONS)

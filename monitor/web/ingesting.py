"""Rows came over HTTP: are they a batch, for whom, and what is the sender told?

| answer | to |
|---|---|
| 201 | kept: on the disk, and counted once from now on |
| 200 | kept before, under the same key or with the same content; nothing is counted twice |
| 400 | a header that cannot be meant, a body that is not what it says |
| 401 | no token for rows, or a wrong one |
| 404 | no such model, or one that takes no rows |
| 409 | the Idempotency-Key of another batch; a summary of another reference (monitor/web/summaries.py) |
| 413 | too large, too many rows, columns or values |
| 415 | another kind of body than JSON or NDJSON, plain or in gzip |
| 422 | which row and which column cannot be read |
| 503 | busy, or the folder cannot be written: the same again, later |
| 507 | no room on the disk: the same again, when there is |

A batch is kept whole or not at all.
"""

import asyncio
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from litestar import Request

from alerting.sanitise import clean
from monitor.build import build_label_source, build_source
from monitor.logs import logger
from monitor.runtime import InForce
from monitor.source import Source
from monitor.sources._inbox import Batch, InboxError, KeyTakenError
from monitor.sources._rows import RowsError, TooManyError, parse_rows
from monitor.sources.ingest import IngestSource
from monitor.web.answering import RefusedError, Reply, refusal
from monitor.web.summaries import SUMMARY, keep_summary, reference, span_of
from storage.errors import StorageError
from storage.span import Span

INGEST_LIMIT = 8 * 1024 * 1024  # bytes of a body, as sent and unpacked
AT_ONCE = 4 * INGEST_LIMIT  # bytes of all the bodies in hand
LONGEST_KEY = 255  # characters
KEY = "idempotency-key"
_JSON = ("application/json",)
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_GZIP = 16 + zlib.MAX_WBITS


class Body(Enum):
    """What a body holds."""

    JSON = auto()
    LINES = auto()
    SUMMARY = auto()  # counts instead of rows: monitor/web/summaries.py


@dataclass(slots=True, kw_only=True)
class Ingestion:
    """What is in hand. Batches are read and kept one by one: memory is that of one, and of the bodies."""

    in_force: InForce
    _in_hand: int = 0  # bytes; the event loop's alone
    _one: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest")
    )

    async def answer(self, request: Request[Any, Any, Any], model: str, *, labels: bool) -> Reply:
        length = request.headers.get("content-length", "")
        weight = min(int(length), INGEST_LIMIT) if length.isdecimal() else INGEST_LIMIT
        if self._in_hand + weight > AT_ONCE:
            return refusal(503, "as many rows are being taken as can be: come again", {"Retry-After": "1"})
        self._in_hand += weight
        try:
            # What can be refused unread is; Litestar refuses a body that is too large.
            kind, batch_key = _kind(request.headers, labels=labels), _key(request.headers)
            packed = _is_packed(request.headers)
            source = _source(self.in_force, model, labels=labels)
            span = self._span(request, model) if kind is Body.SUMMARY else None
            body = await request.body()

            def keep() -> Reply:
                content = _unpacked(body) if packed else body
                if span is not None:
                    return keep_summary(self.in_force.runtime, model, source, content, batch_key, span)
                return self._keep(source, content, batch_key, lines=kind is Body.LINES)

            return await asyncio.get_running_loop().run_in_executor(self._one, keep)
        except RefusedError as error:
            logger().warning(
                "ingest.refused", model=clean(model), status=error.status, reason=clean(error, 300)
            )
            return refusal(error.status, str(error))
        except InboxError as error:
            logger().error("ingest.not_kept", model=clean(model), reason=str(error))
            detail = "no room for the rows" if error.full else "the rows cannot be kept"
            return refusal(
                507 if error.full else 503,
                f"{detail}: none of them is kept; send the same batch again",
                {"Retry-After": "30"},
            )
        except StorageError:  # which reference is in force is not known without it
            return refusal(503, "the database is busy or not there: come again", {"Retry-After": "5"})
        finally:
            self._in_hand -= weight

    async def reference(self, model: str, known: str) -> Reply:
        """What summaries of this model are counted on. `known`: what the caller has, by If-None-Match."""
        try:
            _source(self.in_force, model, labels=False)
            return await asyncio.get_running_loop().run_in_executor(
                self._one, lambda: reference(self.in_force.runtime, model, known)
            )
        except RefusedError as error:
            return refusal(error.status, str(error))
        except StorageError:
            return refusal(503, "the database is busy or not there: come again", {"Retry-After": "5"})

    def _span(self, request: Request[Any, Any, Any], model: str) -> Span:
        runtime = self.in_force.runtime
        spec = runtime.config.models[model].window.spec
        return span_of(dict(request.query_params), spec, runtime.clock.now())

    def _keep(self, source: IngestSource, content: bytes, key: str | None, *, lines: bool) -> Reply:
        try:
            batch = Batch.of(content, key)
            if source.inbox.has(batch):  # sent again: not worth reading
                return Reply(status=200, said={"kept": "before", "batch": batch.key})
            rows = parse_rows(content, lines=lines)
            fresh = source.take(rows, batch, self.in_force.runtime.clock.now())
        except KeyTakenError as error:
            raise RefusedError(409, str(error)) from error
        except TooManyError as error:
            raise RefusedError(413, str(error)) from error
        except RowsError as error:
            raise RefusedError(422, str(error)) from error
        if not fresh:  # by another request, at the same time
            return Reply(status=200, said={"kept": "before", "batch": batch.key})
        logger().debug("ingest.kept", rows=rows.count, batch=batch.key)
        return Reply(status=201, said={"kept": "now", "batch": batch.key, "rows": rows.count})


def ingest_sources(in_force: InForce) -> Mapping[tuple[str, bool], IngestSource]:
    """By model, and whether it is for labels; of paused models too: what comes meanwhile is not lost."""
    runtime = in_force.runtime
    found: dict[tuple[str, bool], IngestSource] = {}
    for name, config in runtime.config.models.items():
        watched = runtime.models.get(name)
        rows: Source | None = watched.source if watched else None
        labels: Source | None = watched.labels if watched else None
        if watched is None and config.source.kind == "ingest":
            rows = build_source(config.source)
        if (
            watched is None
            and config.labels
            and config.labels.source
            and config.labels.source.kind == "ingest"
        ):
            labels = build_label_source(config)
        if isinstance(rows, IngestSource):
            found[name, False] = rows
        if isinstance(labels, IngestSource):
            found[name, True] = labels
    return found


def _source(in_force: InForce, model: str, *, labels: bool) -> IngestSource:
    found = ingest_sources(in_force).get((model, labels))
    if found is None:
        key = "labels.source" if labels else "source"
        raise RefusedError(
            404, f'no model {clean(model)} that takes these: its {key} must have kind = "ingest"'
        )
    return found


def _kind(headers: Mapping[str, str], *, labels: bool) -> "Body":
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    known = {**dict.fromkeys(_JSON, Body.JSON), **dict.fromkeys(_LINES, Body.LINES)}
    known |= {} if labels else {SUMMARY: Body.SUMMARY}
    if kind in known:
        return known[kind]
    got = f"got {clean(kind)}" if kind else "there is none"
    raise RefusedError(415, f"Content-Type: must be {_JSON[0]} or {_LINES[0]}, {got}")


def _is_packed(headers: Mapping[str, str]) -> bool:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip"):
        raise RefusedError(415, f"Content-Encoding: must be gzip or none, got {clean(coding)}")
    return coding == "gzip"


def _key(headers: Mapping[str, str]) -> str | None:
    key = headers.get(KEY)
    if key is not None and (not key.strip() or len(key) > LONGEST_KEY):
        raise RefusedError(400, f"Idempotency-Key: must be 1 to {LONGEST_KEY} characters")
    return key


def _unpacked(body: bytes) -> bytes:
    """Never more than the limit, whatever a few bytes would become."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        content = unpacking.decompress(body, INGEST_LIMIT + 1)
    except zlib.error as error:
        raise RefusedError(400, "Content-Encoding: the body is no gzip") from error
    if len(content) > INGEST_LIMIT:
        raise RefusedError(413, f"unpacked it is more than {INGEST_LIMIT // 1024**2} MiB")
    if not unpacking.eof:
        raise RefusedError(400, "Content-Encoding: the gzip of the body is cut off")
    if unpacking.unused_data:
        raise RefusedError(400, "Content-Encoding: something follows the gzip of the body")
    return content

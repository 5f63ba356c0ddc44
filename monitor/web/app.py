"""Which addresses answer, and with what?

| request | answer |
|---|---|
| POST /api/v1/retraining/ID | what became of a request, by its target |
| GET /api/v1/retraining/ID | how a request stands |
| POST /api/v1/ingest/MODEL | rows of a model, a batch at a time, or a summary (monitor/web/ingesting.py) |
| POST /api/v1/ingest/MODEL/labels | its labels, where they have a source of their own |
| GET /api/v1/reference/MODEL | the reference in force, for those who count by themselves |
| GET /api/v1/schema | OpenAPI |

To a report: 200 taken, or said before; 409 it has ended another way, or waits for a person; 410 nobody waits
for it any more.
400 what is no report, 401 without the token, 404 no such request, 413 more than 16 kB, 503 the database is
busy: come again.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath, RawBody

from alerting.call_back import Heard, Report, parse_report
from monitor.reporting import Reply as Reported
from monitor.reporting import report
from monitor.runtime import InForce
from monitor.web.answering import Reply
from monitor.web.ingesting import INGEST_LIMIT, Ingestion
from monitor.web.summaries import REFERENCE
from monitor.web.tokens import Tokens
from storage import retraining
from storage.errors import StorageError

BODY_LIMIT = 16 * 1024  # bytes of a request
TRAINER = "trainer"  # who reports by token
_STATUS = {Heard.TAKEN: 200, Heard.AGAIN: 200, Heard.OUT_OF_ORDER: 409, Heard.NOT_ASKED: 409, Heard.OVER: 410}

Connection = ASGIConnection[Any, Any, Any, Any]
Answer = Response[Mapping[str, object]]


def build_app(in_force: InForce, tokens: Tokens) -> Litestar:
    """The application over what is in force at the moment of each request."""

    def may_report(connection: Connection, _handler: BaseRouteHandler) -> None:
        if not tokens.may_report(connection.headers.get("authorization", "")):
            raise NotAuthorizedException("a bearer token for reports is needed: web.retrain_token_env")

    def may_ingest(connection: Connection, _handler: BaseRouteHandler) -> None:
        if not tokens.may_ingest(connection.headers.get("authorization", "")):
            raise NotAuthorizedException("a bearer token for rows is needed: web.ingest_token_env")

    ingestion = Ingestion(in_force=in_force)

    @post(
        "/api/v1/ingest/{model:str}",
        guards=[may_ingest],
        request_max_body_size=INGEST_LIMIT,
        status_code=201,
    )
    async def ingest(model: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        """Rows of a model: a JSON array of objects, one object, or NDJSON; kept when this is answered.

        Or a summary of its rows from `from` to `to` (application/vnd.leeway.summary).
        """
        return _answered(await ingestion.answer(request, model, labels=False))

    @get("/api/v1/reference/{model:str}", guards=[may_ingest])
    async def reference(model: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        """The reference in force, on which a summary is counted, as bytes; its ETag is its digest."""
        return _answered(await ingestion.reference(model, request.headers.get("if-none-match", "")))

    @post(
        "/api/v1/ingest/{model:str}/labels",
        guards=[may_ingest],
        request_max_body_size=INGEST_LIMIT,
        status_code=201,
    )
    async def ingest_labels(model: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        """Labels of a model, written alike, where they have a source of their own."""
        return _answered(await ingestion.answer(request, model, labels=True))

    # Threads by hand: two handlers of one path with `sync_to_thread` are wrapped twice and answer 500
    # (Litestar 2.25; tried).
    @post("/api/v1/retraining/{request_id:str}", guards=[may_report], status_code=200)
    async def report_on(request_id: FromPath[str], body: RawBody) -> Answer:
        """What became of a request: running, succeeded or failed."""
        try:
            said = parse_report(json.loads(body))
        except (ValueError, RecursionError) as error:  # json's errors are ValueErrors
            return _refused(400, f"no report: {error}")
        return await asyncio.to_thread(_stored, lambda: _taken(in_force, request_id, said), request_id)

    @get("/api/v1/retraining/{request_id:str}", guards=[may_report])
    async def standing(request_id: FromPath[str]) -> Answer:
        """How a request stands."""
        return await asyncio.to_thread(_stored, lambda: _standing(in_force, request_id), request_id)

    return Litestar(
        [report_on, standing, ingest, ingest_labels, reference],
        request_max_body_size=BODY_LIMIT,
        logging_config=None,
        # Only the document: pages that draw it load their scripts from elsewhere.
        openapi_config=OpenAPIConfig(
            title="Leeway",
            version="1",
            path="/api/v1/schema",
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
    )


def _answered(reply: Reply) -> Response[Any]:
    if isinstance(reply.said, bytes):
        return Response(reply.said, status_code=reply.status, headers=reply.headers, media_type=REFERENCE)
    return Response(reply.said, status_code=reply.status, headers=reply.headers)


def _taken(in_force: InForce, request_id: str, said: Report) -> Answer | None:
    runtime = in_force.runtime
    with runtime.store.write() as conn:
        reply: Reported | None = report(
            conn, runtime.config, request_id, said, runtime.clock.now(), by=TRAINER
        )
    if reply is None:
        return None
    return Response(reply.to_json(), status_code=_STATUS[reply.heard])


def _standing(in_force: InForce, request_id: str) -> Answer | None:
    with in_force.runtime.store.read() as conn:
        found = retraining.get(conn, request_id)
    if found is None:
        return None
    said = {"id": found.id, "model": found.model, "state": found.state.value, "answer": found.answer.value}
    return Response(said, status_code=200)


def _stored(do: Callable[[], Answer | None], request_id: str) -> Answer:
    try:
        answer = do()
    except StorageError:
        return _refused(503, "the database is busy or not there: come again", {"Retry-After": "5"})
    return answer or _refused(404, f"no request {request_id[:64]}")


def _refused(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Response({"status_code": status, "detail": detail}, status_code=status, headers=headers or {})

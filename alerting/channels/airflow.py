"""Channel `airflow`: a run of a DAG, whose id is that of the request.

POST /api/v1/dags/ID/dagRuns on Airflow 2, /api/v2/… on Airflow 3 (airflow.apache.org, "Stable REST API"): 200
with the run. 409 says that there is a run of this id: it was accepted before, which is what makes a request
safe to send again. Version 2 wants `logical_date` named; null leaves it out, so no schedule is touched.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from alerting.channel import Receipt
from alerting.connection import check_host
from alerting.exchange import check_url, post, refusal
from alerting.message import Message
from alerting.notification import Notification
from alerting.target import asked

_DAG = re.compile(r"[A-Za-z0-9_.-]{1,250}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowChannel:
    """Either a bearer token (Airflow 3, or a proxy), or user and password (Airflow 2's basic auth)."""

    url: str  # of the web server, without /api
    dag: str
    api: Literal["v1", "v2"] = "v2"
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    allow_http: bool = False
    allow_private: bool = False
    allowed_hosts: tuple[str, ...] = ()  # globs; empty: every host
    deadline_s: float = 10.0

    threads: ClassVar[bool] = False
    idempotent: ClassVar[bool] = True
    takes_requests: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """ValueError for what could never be sent; without a secret."""
        if not _DAG.fullmatch(self.dag) or set(self.dag) == {"."}:
            raise ValueError("dag: must be the id of a DAG: letters, digits, dots, dashes, underscores")
        if self.user and self.token:
            raise ValueError("user: must not stand beside a token: give one of both")
        try:
            check_host(check_url(self.url, allow_http=self.allow_http).hostname or "", self.allowed_hosts)
        except ValueError as error:
            raise ValueError(f"url: {error}") from None

    @property
    def host(self) -> str:
        return check_url(self.url, allow_http=self.allow_http).hostname or ""

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Ask for the run once."""
        request = asked(notification)
        body: dict[str, object] = {"dag_run_id": notification.key, "conf": request}
        if self.api == "v2":
            body["logical_date"] = None
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "leeway"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif self.user:
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        answer = post(
            f"{self.url.rstrip('/')}/api/{self.api}/dags/{self.dag}/dagRuns",
            headers=headers,
            body=json.dumps(body, sort_keys=True, default=str).encode(),
            deadline_s=self.deadline_s,
            allow_http=self.allow_http,
            allow_private=self.allow_private,
            allowed_hosts=self.allowed_hosts,
        )
        if 200 <= answer.status < 300 or answer.status == 409:
            return Receipt(reference={"dag_run_id": notification.key})
        raise refusal(answer, message.at)

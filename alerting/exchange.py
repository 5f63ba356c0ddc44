"""How does one HTTP request go out, and what do we know when it fails?

What the usual clients do not give together: an end by the wall clock (alerting/connection.py), no redirect
(urllib follows a 302 and hands the bearer token to the other host), and the knowledge whether the request may
have been read when the connection ended. Nothing raised here holds a URL, a header or a body.
"""

import http.client
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from alerting import failpoint, ladder
from alerting.channel import DeliveryError, Failure
from alerting.connection import Line, Reach, converse

ANSWER_LIMIT = 64 * 1024  # bytes of an answer that are read
_HEADER = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110, 5.5, without what is obsolete
_LABEL = 63  # characters between two dots of a host's name (RFC 1035, 2.3.4): the resolver fails on others


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)  # the first bytes, at most the limit
    whole: bool  # False: longer than the limit, or the connection ended inside the body
    cut: bool = False  # the connection ended inside the body


def check_url(url: str, *, allow_http: bool) -> SplitResult:
    """The parts of a usable URL, or a ValueError that does not repeat it."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must be a URL that begins with https://")
    if parts.scheme == "http" and not allow_http:
        raise ValueError("must begin with https:// (plain http only with allow_http = true)")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password")
    if not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise ValueError("must not hold spaces, control or non-ASCII characters")
    if any(not 1 <= len(label) <= _LABEL for label in parts.hostname.removesuffix(".").split(".")):
        raise ValueError(f"must name a host whose parts have 1 to {_LABEL} characters")
    if parts.port == 0:  # also raises ValueError for a port that is none
        raise ValueError("must not use port 0")
    return parts


def post(
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    deadline_s: float,
    limit: int = ANSWER_LIMIT,
    allow_http: bool = False,
    allow_private: bool = False,
    allowed_hosts: Sequence[str] = (),
) -> Answer:
    """POST once. Returns whatever was answered, or raises DeliveryError, at the deadline at last.

    transient: certainly not accepted. ambiguous: the request was (partly) written. channel_broken: the
    address is one we do not talk to.
    """
    parts = check_url(url, allow_http=allow_http)
    for name, value in headers.items():
        if not _HEADER.fullmatch(value):  # http.client would say so too, and quote it
            raise DeliveryError(
                Failure.CHANNEL_BROKEN,
                f"the header {name} cannot be sent: what it is made of, such as a secret, must be printable "
                "ASCII on one line; set it again",
            )
    reach = Reach(hosts=allowed_hosts, private=allow_private)
    return converse(
        lambda line: _talk(line, parts, reach, headers, body, limit),
        host=parts.hostname or "",
        deadline_s=deadline_s,
    )


def refusal(answer: Answer, now: datetime) -> DeliveryError:
    """The failure that an HTTP status outside 200–299 stands for (RFC 9110 section 15; alerting table)."""
    status = answer.status
    if status == 429:
        wait = ladder.retry_after_s(answer.headers.get("retry-after"), now)
        return DeliveryError(Failure.RATE, "asked to slow down: HTTP 429", retry_after_s=wait)
    if 300 <= status < 400:
        return DeliveryError(
            Failure.CHANNEL_BROKEN,
            f"answered with a redirect: HTTP {status}, not followed; set the final URL",
        )
    if status in _BROKEN_STATUS:
        return DeliveryError(
            Failure.CHANNEL_BROKEN, f"refused: HTTP {status}; check the address and the secret of the channel"
        )
    if status in (408, 425) or not 400 <= status < 500:
        return DeliveryError(Failure.TRANSIENT, f"not accepted: HTTP {status}")
    return DeliveryError(Failure.PAYLOAD, f"the content was refused: HTTP {status}")


# 401 403 404 410 by the table; the others say as plainly that no content will pass this address:
# 402 payment, 405 method, 407 proxy, 421 misdirected, 426 upgrade, 451 legal reasons.
_BROKEN_STATUS = frozenset({401, 402, 403, 404, 405, 407, 410, 421, 426, 451})


def _talk(
    line: Line, parts: SplitResult, reach: Reach, headers: Mapping[str, str], body: bytes, limit: int
) -> Answer:
    connection = _connect(line, parts, reach)
    try:
        line.begin_writing()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers={**headers, "Connection": "close"})
        failpoint.hit("after_bytes_written")
        response = connection.getresponse()
        read, cut = b"", False
        try:
            read = response.read(limit + 1)
            cut = response.length not in (None, 0) and len(read) <= limit
        except (OSError, http.client.HTTPException):
            cut = True
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(
            status=response.status,
            headers=names,
            body=read[:limit],
            whole=not cut and len(read) <= limit,
            cut=cut,
        )
    finally:
        connection.close()


def _connect(line: Line, parts: SplitResult, reach: Reach) -> http.client.HTTPConnection:
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    sock = line.open(host, port, reach)
    try:
        if secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
    connection = http.client.HTTPConnection(host, port, timeout=line.timeout_s)
    connection.sock = sock
    return connection

"""How does one HTTP request go out, and what do we know when it fails?

Three things the usual clients do not give together: an end by the wall clock whatever the server does (their
time-outs are per read, so one byte now and then holds them for minutes), no redirect (urllib follows a 302
and hands the bearer token to the other host), and the knowledge whether the request may have been read when
the connection ended. Nothing raised here holds a URL, a header or a body: they carry secrets.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from alerting import failpoint, ladder
from alerting.channel import DeliveryError, Failure

ANSWER_LIMIT = 64 * 1024  # bytes of an answer that are read


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
) -> Answer:
    """POST once. Returns whatever was answered, or raises DeliveryError, at the deadline at last.

    transient: certainly not accepted. ambiguous: the request was (partly) written. channel_broken: the
    address is one we do not talk to.
    """
    parts = check_url(url, allow_http=allow_http)
    exchange = _Exchange(parts=parts, limit=limit, timeout_s=deadline_s, allow_private=allow_private)
    thread = threading.Thread(
        target=exchange.run, args=(dict(headers), body), name="leeway-exchange", daemon=True
    )
    thread.start()
    thread.join(deadline_s)
    return exchange.outcome()


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


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """One request in its own thread. At the deadline the caller takes the socket away and goes on."""

    parts: SplitResult
    limit: int
    timeout_s: float
    allow_private: bool
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _abandoned: bool = False
    _writing: bool = False
    _handle: socket.socket | None = None  # a second handle on the connection: TLS takes the first one over
    _answer: Answer | None = None
    _error: BaseException | None = None

    def run(self, headers: dict[str, str], body: bytes) -> None:
        try:
            self._answer = self._talk(headers, body)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread by outcome()
            self._error = error
        finally:
            with self._lock:
                if self._handle is not None:
                    self._handle.close()
                    self._handle = None

    def outcome(self) -> Answer:
        """After the join: the answer, or what its absence means."""
        with self._lock:
            self._abandoned = True
            answer, error = self._answer, self._error
            if answer is None and error is None and self._handle is not None:
                with contextlib.suppress(OSError):  # gone already
                    self._handle.shutdown(socket.SHUT_RDWR)  # unlike close, wakes the thread that reads
            writing = self._writing
        if answer is not None:
            return answer
        host = self.parts.hostname
        if error is None:
            if writing:
                raise DeliveryError(
                    Failure.AMBIGUOUS, f"{host} did not finish its answer within {self.timeout_s:g} s"
                )
            raise DeliveryError(Failure.TRANSIENT, f"no connection to {host} within {self.timeout_s:g} s")
        if isinstance(error, DeliveryError):
            raise error
        if not isinstance(error, OSError | http.client.HTTPException):
            raise error  # a bug or a failpoint: not ours to word
        if writing and isinstance(error, TimeoutError):  # the socket's own clock was quicker than ours
            raise DeliveryError(
                Failure.AMBIGUOUS, f"{host} did not finish its answer within {self.timeout_s:g} s"
            ) from None
        what = _what(error)
        # `from None`: library errors quote the request, and the request holds secrets.
        if writing:
            raise DeliveryError(
                Failure.AMBIGUOUS, f"the connection to {host} ended after the request was written: {what}"
            ) from None
        raise DeliveryError(Failure.TRANSIENT, f"no connection to {host}: {what}") from None

    def _go_on(self, *, handle: socket.socket | None = None, writing: bool = False) -> None:
        """Take the next step, unless the caller has given up: then nothing more may be sent."""
        with self._lock:
            self._handle = self._handle or handle
            if self._abandoned:
                raise TimeoutError("too late")
            self._writing = writing

    def _talk(self, headers: dict[str, str], body: bytes) -> Answer:
        connection = self._connect()
        try:
            self._go_on(writing=True)
            path = (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")
            connection.request("POST", path, body=body, headers={**headers, "Connection": "close"})
            failpoint.hit("after_bytes_written")
            response = connection.getresponse()
            read, cut = b"", False
            try:
                read = response.read(self.limit + 1)
                cut = response.length not in (None, 0) and len(read) <= self.limit
            except (OSError, http.client.HTTPException):
                cut = True
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(
                status=response.status,
                headers=names,
                body=read[: self.limit],
                whole=not cut and len(read) <= self.limit,
                cut=cut,
            )
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, secure = self.parts.hostname or "", self.parts.scheme == "https"
        port = self.parts.port or (443 if secure else 80)
        sock = _open(host, port, self.timeout_s, allow_private=self.allow_private)
        try:
            self._go_on(handle=sock.dup())
            if secure:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        connection = http.client.HTTPConnection(host, port, timeout=self.timeout_s)
        connection.sock = sock
        return connection


def _open(host: str, port: int, timeout_s: float, *, allow_private: bool) -> socket.socket:
    """Connect to the first address that answers. The address that is checked is the one connected to."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if allow_private or _public(str(entry[4][0]))]
    if not allowed:
        raise DeliveryError(
            Failure.CHANNEL_BROKEN, f"{host} is a private address; allow_private = true permits it"
        )
    error: OSError = OSError("no address")
    for family, kind, protocol, _, address in allowed:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout_s)
        try:
            sock.connect(address)
        except OSError as failed:
            sock.close()
            error = failed
        else:
            return sock
    raise error


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def _what(error: BaseException) -> str:
    """A word for the error that cannot hold anything of the request."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate not trusted"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, socket.gaierror):
        return "name not resolved"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__

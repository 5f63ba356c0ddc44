"""How do we talk to another host: to which one, for how long, and what do we know when it ends early?

A conversation has an end by the wall clock whatever the other side does (time-outs of a socket are per read,
so one byte now and then holds a client for minutes). The host must be one that the config allows, and the
address that is checked is the one connected to. Nothing raised here holds a URL, a header or a body: they
carry secrets.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeVar

from alerting.channel import DeliveryError, Failure

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a conversation may lead."""

    hosts: Sequence[str] = ()  # globs over host names; empty: every host
    private: bool = False  # loopback, link-local and private addresses too


def allows(host: str, hosts: Sequence[str]) -> bool:
    """Whether a glob of the list fits; without a list every host is allowed."""
    name = host.rstrip(".").lower()
    return not hosts or any(fnmatchcase(name, glob.rstrip(".").lower()) for glob in hosts)


def check_host(host: str, hosts: Sequence[str]) -> None:
    """A ValueError, ready to be shown, for a host that no glob of a list allows."""
    if not allows(host, hosts):
        raise ValueError(f"{host} is not among the allowed_hosts; add it there, or name another host")


@dataclass(slots=True, kw_only=True)
class Line:
    """The connection of one conversation. At the deadline the caller takes it away and goes on."""

    timeout_s: float
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _abandoned: bool = False
    _writing: bool = False
    _handle: socket.socket | None = None  # a second handle on the connection: TLS takes the first one over

    def open(self, host: str, port: int, reach: Reach) -> socket.socket:
        """Connect to the first address that answers."""
        if not allows(host, reach.hosts):
            raise DeliveryError(Failure.CHANNEL_BROKEN, f"{host} is not among the allowed_hosts")
        sock = _open(host, port, self.timeout_s, private=reach.private)
        try:
            with self._lock:
                self._handle = sock.dup()
            self._stop_if_abandoned()
        except BaseException:
            sock.close()
            raise
        return sock

    def begin_writing(self) -> None:
        """From here on the other side may act on what it reads."""
        with self._lock:
            self._writing = not self._abandoned
        self._stop_if_abandoned()

    def in_time(self, keep: Callable[[], None]) -> None:
        """Keep what was read, unless it is what a connection gives that was taken away."""
        with self._lock:
            if not self._abandoned:
                keep()

    def take_away(self) -> bool:
        """Whatever is still going on ends; whether the other side may have acted."""
        with self._lock:
            self._abandoned = True
            if self._handle is not None:
                with contextlib.suppress(OSError):  # gone already
                    self._handle.shutdown(socket.SHUT_RDWR)  # unlike close, wakes the thread that reads
            return self._writing

    def close(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    @property
    def is_open(self) -> bool:
        return self._handle is not None

    @property
    def writing(self) -> bool:
        with self._lock:
            return self._writing

    def _stop_if_abandoned(self) -> None:
        with self._lock:
            if self._abandoned:  # the caller has given up: nothing more may be sent
                raise TimeoutError("too late")


def converse(talk: Callable[[Line], Result], *, host: str, deadline_s: float) -> Result:
    """What `talk` returns, or a DeliveryError, at the deadline at last.

    transient: certainly nothing was done there. ambiguous: `talk` had begun to write what can be acted on.
    """
    line = Line(timeout_s=deadline_s)
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            result = talk(line)
            line.in_time(lambda: results.append(result))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread below
            errors.append(error)
        finally:
            line.close()

    thread = threading.Thread(target=run, name="leeway-exchange", daemon=True)
    thread.start()
    thread.join(deadline_s)
    if results:
        return results[0]
    if errors:
        raise _worded(errors[0], line, host) from None  # library errors quote the request
    was_open, writing = line.is_open, line.take_away()
    if results:  # it ended just before that
        return results[0]
    if writing:
        raise _unfinished(host, deadline_s)
    if was_open:
        raise DeliveryError(Failure.TRANSIENT, f"{host} did not get as far as a request in {deadline_s:g} s")
    raise DeliveryError(Failure.TRANSIENT, f"no connection to {host} within {deadline_s:g} s")


def _worded(error: BaseException, line: Line, host: str) -> BaseException:
    if isinstance(error, DeliveryError) or not isinstance(error, OSError | http.client.HTTPException):
        return error  # said already; or a bug or a failpoint: not ours to word
    if not line.writing:
        return DeliveryError(Failure.TRANSIENT, f"no connection to {host}: {_what(error)}")
    if isinstance(error, TimeoutError):  # the socket's own clock was quicker than ours
        return _unfinished(host, line.timeout_s)
    return DeliveryError(
        Failure.AMBIGUOUS, f"the connection to {host} ended after the request was written: {_what(error)}"
    )


def _unfinished(host: str, deadline_s: float) -> DeliveryError:
    return DeliveryError(Failure.AMBIGUOUS, f"{host} did not finish its answer within {deadline_s:g} s")


def _open(host: str, port: int, timeout_s: float, *, private: bool) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if private or is_public(str(entry[4][0]))]
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


def is_public(address: str) -> bool:
    """Whether an IP address leads out: what stands for an IPv4 address counts as that one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local or any(ip in network for network in _INSIDE):
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or (_low_half(ip) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: behind the gateway that IPv4 address is met
# What Python calls global although it is not met outside: "IPv4-compatible" (RFC 4291, 2.5.5.1), translated
# (RFC 2765, 2.1), and NAT64 for local use (RFC 8215).
_INSIDE = tuple(ipaddress.IPv6Network(each) for each in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48"))


def _low_half(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)


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

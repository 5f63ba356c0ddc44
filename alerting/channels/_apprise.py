"""What the child process of channel `apprise` does: one message, through a library that is held on a lead.

Not a member: alerting/channels/apprise.py runs it with `python -m`, and says why. It reads one JSON document
and writes one line of JSON, after a first line once it begins to send.

Here the library follows no redirect, talks to no address and no host that the config does not allow, reads
64 kB of an answer, takes no proxy from the environment, starts no process, and its own log goes nowhere.
"""

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alerting.connection import allows, is_public

BEGUN = "sending"  # the line after which the other side may have acted
ANSWER_LIMIT = 64 * 1024  # bytes of an answer that are read
_NO_PROCESS = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "pty.spawn")


class _Refused(Exception):
    """An address or host that is not allowed."""


@dataclass(slots=True, kw_only=True)
class _Watch:
    """What the message met on its way out."""

    hosts: Sequence[str]
    private: bool
    refused: str = ""
    status: int | None = None
    retry_after: str | None = None
    network: str = ""  # "before" or "after" the request may have been read
    armed: bool = field(default=False)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See docs.python.org, "Audit events table": what raises here does not happen."""
        if not self.armed:
            return
        if event == "socket.getaddrinfo" and not allows(str(_text(arguments[0])), self.hosts):
            self._refuse(f"{_text(arguments[0])} is not among the allowed_hosts")
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._look_at(arguments[1])
        elif event in _NO_PROCESS:
            self._refuse("it wants to start a process")

    def _look_at(self, address: object) -> None:
        if address is None or self.private:
            return
        host = str(address[0]) if isinstance(address, tuple) and address else ""
        try:
            public = is_public(host)
        except ValueError:  # a path, or a name that would be looked up behind our back
            public = False
        if not public:
            self._refuse("the service is at a private address; allow_private = true permits it")

    def _refuse(self, why: str) -> None:
        self.refused = why
        raise _Refused(why)


def _text(host: object) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)


def _hold(watch: _Watch) -> None:
    """Every request of the library goes through here: no redirect, and an answer of bounded size."""
    import requests  # noqa: PLC0415 - comes with apprise; nothing else here needs it

    send = requests.Session.send

    def held(session: Any, request: Any, **options: Any) -> Any:
        session.trust_env = False  # no proxy and no .netrc
        watch.network = ""
        try:
            answer = send(session, request, **{**options, "stream": True, "allow_redirects": False})
            body = answer.raw.read(ANSWER_LIMIT, decode_content=True)
        except (requests.ConnectTimeout, requests.exceptions.SSLError):
            watch.network = "before"
            raise
        except requests.ConnectionError as error:
            watch.network = "before" if "NewConnectionError" in repr(error) else "after"
            raise
        except requests.RequestException:
            watch.network = "after"
            raise
        answer._content, answer._content_consumed = body, True
        answer.raw.close()
        watch.status, watch.retry_after = answer.status_code, answer.headers.get("Retry-After")
        return answer

    setattr(requests.Session, "send", held)  # noqa: B010 - a method of theirs, put on a lead


def _send(task: dict[str, Any], out: Any) -> dict[str, object]:
    try:
        import apprise  # noqa: PLC0415 - so that its absence can be told
    except ImportError:
        return {"missing": True}
    watch = _Watch(hosts=task["hosts"], private=task["private"])
    _hold(watch)
    asset = apprise.AppriseAsset(
        async_mode=False,
        http_redirects=False,
        secure_logging=True,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        app_id="Leeway",
    )
    service = apprise.Apprise.instantiate(task["url"], asset=asset)
    if service is None:
        return {"unknown": True}
    if "overflow=" not in task["url"]:
        service.overflow_mode = apprise.OverflowMode.TRUNCATE  # within the service's own limit
    box = apprise.Apprise(asset=asset)
    box.add(service)
    sys.addaudithook(watch.audit)
    watch.armed = True
    out.write(f"{BEGUN}\n")
    out.flush()
    done = box.notify(
        body=task["body"],
        title=task["title"],
        notify_type=task["type"],
        body_format=apprise.NotifyFormat.TEXT,
        interpret_escapes=False,
    )
    return {
        "ok": bool(done),
        "status": watch.status,
        "retry_after": watch.retry_after,
        "network": watch.network,
        "refused": watch.refused,
    }


def main() -> None:
    logging.disable(logging.CRITICAL)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what the library prints goes nowhere
        os.dup2(nowhere.fileno(), 2)
    result = _send(json.load(sys.stdin), out)
    out.write(json.dumps(result) + "\n")
    out.flush()
    os._exit(0)  # a thread of the library must not keep us


if __name__ == "__main__":
    main()

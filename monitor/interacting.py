"""Who listens to Slack? Two threads a token: one hears and acknowledges, one answers.

Only where a channel has an app token, and on PostgreSQL only in the daemon that leads. Nothing here holds up
the conductor: both wait for Slack on their own, and what they write is short.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from alerting.channel import Channel
from monitor.faults import Faults
from monitor.runtime import InForce

if TYPE_CHECKING:
    from monitor.slack_answering import Answerer
    from monitor.slack_link import Listening
    from monitor.slack_listening import Listener

_AFTER_A_FAULT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """What hears and answers by one token, by one set of options."""

    to: "Listening"
    over: threading.Event
    answerer: "Answerer"
    threads: tuple[threading.Thread, ...]


class Interacting:
    """Threads that go on until their channel is gone or they stop. `changed`: a person did something."""

    def __init__(self, in_force: InForce, faults: Faults, changed: Callable[[], None]) -> None:
        self._in_force = in_force
        self._faults = faults
        self._changed = changed
        self._pairs: dict[str, _Pair] = {}

    def listen(self) -> None:
        """By the channels in force: what is unchanged goes on, what is new begins, what is gone ends."""
        wanted = listening(self._in_force.runtime.channels)
        for name in [name for name, pair in self._pairs.items() if wanted.get(name) != pair.to]:
            self._end(self._pairs.pop(name))
        for name, to in wanted.items():
            if name not in self._pairs:
                self._pairs[name] = self._begin(name, to)

    def alive(self) -> Mapping[str, bool]:
        """Each by its name: one that ended by itself is a bug."""
        return {thread.name: thread.is_alive() for pair in self._pairs.values() for thread in pair.threads}

    def stop(self) -> list[threading.Thread]:
        """Not another request; the threads that finish the one in their hands."""
        pairs, self._pairs = list(self._pairs.values()), {}
        for pair in pairs:
            self._end(pair)
        return [thread for pair in pairs for thread in pair.threads]

    def _begin(self, name: str, to: "Listening") -> _Pair:
        # Here, so that a daemon without it does not load the library, which it need not have.
        from monitor.slack_answering import Answerer  # noqa: PLC0415
        from monitor.slack_link import open_link  # noqa: PLC0415
        from monitor.slack_listening import Listener  # noqa: PLC0415

        over = threading.Event()
        listener = Listener(
            name=name,
            connect=lambda: open_link(to, self._in_force.runtime.clock),
            leads=self._leads,
            over=over,
        )
        answerer = Answerer(
            name=name,
            to=to,
            in_force=self._in_force,
            faults=self._faults,
            heard=listener.heard,
            over=over,
            changed=self._changed,
        )
        threads = (
            threading.Thread(
                target=self._live, args=(listener, over), name=f"slack listens {name}", daemon=True
            ),
            threading.Thread(target=answerer.live, name=f"slack answers {name}", daemon=True),
        )
        for thread in threads:
            thread.start()
        return _Pair(to=to, over=over, answerer=answerer, threads=threads)

    def _live(self, listener: "Listener", over: threading.Event) -> None:
        while not over.is_set():
            self._faults.guard("slack listen", listener.live)
            over.wait(_AFTER_A_FAULT_S)  # it returns only when it is over, or failed

    def _end(self, pair: _Pair) -> None:
        pair.over.set()
        pair.answerer.asking.stop()

    def _leads(self) -> bool:
        """As far as this process knows; what it writes is refused where it is wrong (monitor/leading.py)."""
        leader = self._in_force.runtime.leader
        return leader is None or leader.leads


def listening(channels: Mapping[str, Channel]) -> dict[str, "Listening"]:
    """The channels whose people may answer, by name: one a token, the first of those that share it."""
    found: dict[str, Listening] = {}
    tokens: set[str] = set()
    for name, channel in channels.items():
        token = getattr(channel, "app_token", "")
        if token and token not in tokens:
            tokens.add(token)
            found[name] = cast("Listening", channel)
    return found

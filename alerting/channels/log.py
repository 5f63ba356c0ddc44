"""Channel `log`: one JSON line a message, on standard output or at the end of a file."""

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from alerting import failpoint
from alerting.channel import DeliveryError, Failure, Receipt
from alerting.message import Message
from alerting.notification import Notification
from alerting.sanitise import visible_json


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChannel:
    """No threads: every notification is a line of its own, with the facts beside the words."""

    path: str = ""  # "" is standard output; the file is appended to and made if it is missing

    threads: ClassVar[bool] = False
    edits: ClassVar[bool] = False
    # A reader of the log tells repeats apart by `key`; a request in a log has no effect at all.
    idempotent: ClassVar[bool] = True

    def send(self, notification: Notification, message: Message) -> Receipt:
        """Append the line. On a disk that is full or gone the channel is broken until a person acts."""
        line = visible_json(_record(notification, message)) + "\n"
        try:
            if self.path:
                # One write to a file opened for appending: two processes do not mix their lines.
                descriptor = os.open(Path(self.path), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
                try:
                    content = line.encode("utf-8", "backslashreplace")
                    if os.write(descriptor, content) < len(content):  # as on a disk that has just become full
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            else:
                coding = sys.stdout.encoding or "utf-8"  # which may not know 🔴
                sys.stdout.write(line.encode(coding, "backslashreplace").decode(coding))
                sys.stdout.flush()
        except OSError as error:
            where = self.path or "standard output"
            raise DeliveryError(
                Failure.CHANNEL_BROKEN, f"log: cannot write to {where}: {error.strerror}; check path and disk"
            ) from error
        failpoint.hit("after_bytes_written")
        return Receipt()


def _record(notification: Notification, message: Message) -> dict[str, object]:
    return {
        "event": "notification",
        "at": message.at.isoformat(),
        "key": notification.key,
        "channel": notification.channel,
        "action": notification.action.value,
        "reason": notification.reason,
        "possible_repeat": notification.uncertain,
        "heading": message.heading,
        "lines": list(message.lines),
        "table": [list(row) for row in message.table],
        "more": message.more,
        "next": list(message.next_steps),
        "footer": message.footer,
        "facts": dict(notification.facts),
    }

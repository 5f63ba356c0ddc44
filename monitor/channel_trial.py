"""Does a channel take a message now?"""

from datetime import datetime, timedelta

from alerting.channel import Channel, DeliveryError
from alerting.message import word
from alerting.notification import Action, Notification


def try_channel(name: str, channel: Channel, now: datetime) -> dict[str, object]:
    """One test message, past the outbox: a person is waiting for the answer."""
    notification = Notification(
        key=f"test-{name}-{now:%Y%m%dT%H%M%S%f}",
        channel=name,
        lane=f"test&{name}",
        action=Action.TEST,
        reason="test",
        facts={"model": "", "kind": "test", "channel": name},
        created=now,
        deadline=now + timedelta(minutes=1),
    )
    try:
        receipt = channel.send(notification, word(notification, now))
    except DeliveryError as error:
        return {"channel": name, "ok": False, "failure": error.failure.value, "reason": error.reason}
    return {"channel": name, "ok": True, "failure": None, "reason": "", "receipt": dict(receipt.reference)}

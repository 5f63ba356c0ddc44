"""How does a receiver know that a webhook is ours and unchanged? Standard Webhooks, specification 1.0."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

# Standard base64 with its padding, of 24 to 64 bytes ("Signature scheme": the length of a secret).
_SECRET = re.compile(r"(whsec_)?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)")


def key_of(secret: str) -> bytes:
    """The key inside `whsec_…`. ValueError, without the value, for what is none."""
    found = _SECRET.fullmatch(secret)
    key = base64.b64decode(found[2]) if found else b""
    if not key:
        raise ValueError("must be whsec_ followed by base64, as the specification says")
    if not 24 <= len(key) <= 64:
        raise ValueError(f"must hold 24 to 64 bytes, as the specification says, not {len(key)}")
    return key


def signature(secrets: Sequence[str], *, id_: str, at: datetime, body: bytes) -> str:
    """The webhook-signature header: one signature a secret, so that a receiver of either is content."""
    signed = b".".join((id_.encode(), str(int(at.timestamp())).encode(), body))
    return " ".join(
        "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()
        for secret in secrets
    )

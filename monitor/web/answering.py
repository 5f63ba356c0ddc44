"""What is a sender told: an answer, or why there is none?"""

from collections.abc import Mapping
from dataclasses import dataclass, field


class RefusedError(Exception):
    """With the status and the words of the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`said`: JSON, or bytes of the type that `headers` name."""

    status: int
    said: Mapping[str, object] | bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status=status, said={"status_code": status, "detail": detail}, headers=headers or {})

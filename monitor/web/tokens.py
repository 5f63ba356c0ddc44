"""May this caller do that?

A bearer token of the config, told from a wrong one in a time that says nothing about it: all are compared to
the end, as digests of equal length.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.config import WebConfig
from monitor.config_problem import ConfigError, Problem
from monitor.secret import read_secret

LEAST = 16  # characters; shorter ones can be guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Digests of the tokens that may report on retraining, and that may send rows; two while one changes."""

    retrain: Sequence[bytes] = field(default=(), repr=False)
    ingest: Sequence[bytes] = field(default=(), repr=False)

    def may_report(self, authorization: str) -> bool:
        """The value of the header `Authorization`."""
        return _is_among(self.retrain, authorization)

    def may_ingest(self, authorization: str) -> bool:
        """The same, for rows."""
        return _is_among(self.ingest, authorization)


def read_tokens(config: WebConfig) -> Tokens:
    """Reads the secrets. ConfigError without them."""
    given = {
        key: value for key, value in config.model_dump().items() if value is not None and "_token_" in key
    }
    tokens = {key: read_secret(key, value, ("web", key)) for key, value in given.items()}
    short = [
        Problem(path=("web", key), expectation=f"must lead to a token of {LEAST} characters or more")
        for key, token in tokens.items()
        if len(token) < LEAST
    ]
    if short:
        raise ConfigError(short)

    def of(name: str) -> list[bytes]:
        return [_digest(token) for key, token in tokens.items() if f"{name}_token_" in key]

    return Tokens(retrain=of("retrain"), ingest=of("ingest"))


def _is_among(known: Sequence[bytes], authorization: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    digest = _digest(token.strip())
    found = [hmac.compare_digest(digest, each) for each in known]  # all of them: no early end
    return scheme.lower() == "bearer" and any(found)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

"""How does a Python value become a column value that every database keeps without loss?

JSON has no NaN and no infinity, and SQLite's JSON functions refuse them; they are written as
{"$float": "nan"} and read back as they were. Finite floats survive to the bit (shortest repr). What is long
and read by this program alone is kept as {"$packed1": "…"}: the same text, compressed.
"""

import json
import math
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import orjson
from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from storage.shared_words import FIRST

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PACKED = "$packed"  # by themselves: rows from before there were shared words, still read
_SHARED = "$packed1"  # with the first of them
_WORTH = 0.75  # of its length: less is not worth the time it takes to unpack
_LONG = 256  # characters; below it there is little to gain, and a person may want to read it
_VERY_LONG = 8_192  # beyond it the quickest level: half the time at most, a seventh more room at most


def to_micros(time: datetime) -> int:
    """UTC microseconds since 1970, exactly; a time without zone is refused."""
    if time.tzinfo is None:
        raise ValueError(f"storage: times must be aware, got {time!r}")
    return (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def iso(time: datetime) -> str:
    """The text form of the views: 2013-05-13T04:00:00.000000Z, sorts as it counts."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def dumps(value: object) -> str:
    """Compact JSON text. Keys keep their order: what was said first is read first.

    orjson takes a ninth of json's time, and a window leaves half a megabyte; but it writes null for NaN and
    the infinities, and knows neither keys of other types nor integers beyond 64 bit. Those are left to json.
    """
    try:
        if _NOT_FINITE.search(_MSGPACK.encode(value)) is None:
            return orjson.dumps(value, default=_plain, option=_AS_JSON).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # json knows it, or says better what is wrong
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False, default=_plain)
    except ValueError:
        return json.dumps(_tagged(value), allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def loads(text: str) -> Any:
    """What `dumps` was given, of this version or an earlier one."""
    value = msgspec.json.decode(text)
    return _untagged(value) if '"$float"' in text else value


class Words(TypeDecorator[str]):
    """Text from anywhere, also from data. PostgreSQL keeps no NUL and SQLite's functions end at one, so it
    becomes U+FFFD, in what is looked for too."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if value is not None else None


class UtcMicros(TypeDecorator[datetime]):
    """Aware datetime ↔ integer microseconds: exact, sortable, the same on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else from_micros(value)


class Encoded(str):
    """Text that `Json.encoded` has made: it is written as it is."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """Any JSON value ↔ text. None is SQL NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        return value if value is None or isinstance(value, Encoded) else self.encoded(value)

    def encoded(self, value: Any) -> Encoded:
        """What is long is encoded before a transaction begins: others wait for the writer's turn."""
        return Encoded(dumps(value))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else loads(value)


class PackedJson(Json):
    """The same, compressed where it is long. Of an object the keys in `clear` stay in plain sight, for SQL.

    A window of 40 columns leaves half a megabyte of JSON; its numbers are told apart by their last digits and
    its keys are always the same.
    """

    cache_ok = True

    def __init__(self, *clear: str) -> None:
        super().__init__()
        self.clear = clear

    def encoded(self, value: Any) -> Encoded:
        return Encoded(packed(value, self.clear))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        return None if value is None else unpacked(value)


def packed(value: object, clear: Sequence[str] = ()) -> str:
    """As `dumps` where that is short, or hardly longer: noise models are float64 in base64, and each is read
    whenever a window of its model is judged."""
    text = dumps(value)
    if len(text) < _LONG:
        return text
    kept = {name: value[name] for name in clear if name in value} if isinstance(value, Mapping) else {}
    if kept and isinstance(value, Mapping):
        text = dumps({**value, **dict.fromkeys(kept)})  # their places, so that keys keep their order
    small = dumps({**kept, _SHARED: _compressed(text)})
    return small if len(small) < _WORTH * len(text) else dumps(value)


def unpacked(text: str) -> Any:
    """What `packed` was given. Text that was never packed, as of earlier versions, is read as it is."""
    value = loads(text)
    if not isinstance(value, dict):
        return value
    if _SHARED in value:
        stream = zlib.decompressobj(zdict=FIRST)
        whole = loads(stream.decompress(b64decode(value.pop(_SHARED))).decode())
    elif _PACKED in value:
        whole = loads(zlib.decompress(b64decode(value.pop(_PACKED))).decode())
    else:
        return value
    return {**whole, **value} if value else whole


def _compressed(text: str) -> str:
    level = 1 if len(text) > _VERY_LONG else 6
    stream = zlib.compressobj(level, zdict=FIRST)
    return b64encode(stream.compress(text.encode()) + stream.flush()).decode()


def _plain(value: object) -> object:
    """What json does not know: mappings and sequences of other classes, times, numpy's scalars."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, Sequence):
        return list(value)
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"storage: {type(value).__name__} is not a JSON value: {value!r}")


def _tagged(value: object) -> object:
    if isinstance(value, float):
        # float() also takes numpy's float64, a subclass of float, to the plain type
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _tagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tagged(item) for item in value]
    return _tagged(_plain(value))


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$float"}:
            return float(value["$float"])
        return {key: _untagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    return value


# In MessagePack a float is 0xcb and its eight bytes; NaN and the infinities have all bits of the exponent set
# (IEEE 754). The same bytes may stand where no float is: then json does the work.
_NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
_MSGPACK = msgspec.msgpack.Encoder(enc_hook=_plain)
_AS_JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS  # to `_plain`, as json does

"""Which rows does a body hold, column by column, or which row and column is it that cannot be one?

Nothing is guessed and nothing is dropped: a batch is taken whole or not at all. Every loop is bounded by the
numbers below, whatever was sent.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

MOST_ROWS = 50_000  # of one batch
MOST_COLUMNS = 2_000
MOST_CELLS = 2_000_000  # rows × columns, the ones that a row leaves out as well: 16 MB of pointers
LONGEST_NAME = 256  # characters
_INT64 = range(-(2**63), 2**63)
_EXACT = range(-(2**53), 2**53 + 1)  # whole numbers that a float64 holds as they are

Value: TypeAlias = bool | int | float | str | None
_ROW = msgspec.json.Decoder(dict[str, Value])
_ROUGH = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUE = msgspec.json.Decoder(Value)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
# What msgspec raises: ValidationError is a DecodeError, UnicodeDecodeError a ValueError.
_ERRORS = (msgspec.DecodeError, ValueError, RecursionError)


class RowsError(ValueError):
    """No rows, and why: which row, counted from 1, and which column."""


class TooManyError(RowsError):
    """More than one batch may hold; the text says how much that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """`columns`: each with a value a row, all of one type (bool, int, float or str); None is missing."""

    count: int
    columns: Mapping[str, Sequence[Value]]


def parse_rows(body: bytes, *, lines: bool) -> Rows:
    """`lines`: an object a line (NDJSON); else a JSON array of objects, or one object. Raises RowsError."""
    raws = list(_lines(body)) if lines else _elements(body)
    if not raws:
        raise RowsError("holds no row")
    if len(raws) > MOST_ROWS:
        raise TooManyError(f"holds {len(raws):,} rows; {MOST_ROWS:,} at most: send more batches")
    columns: dict[str, list[Value]] = {}
    for number, raw in enumerate(raws, 1):
        row = _row(raw, number)
        for name in [name for name in row if name not in columns]:
            if len(columns) == MOST_COLUMNS:
                raise TooManyError(f"row {number}: more than {MOST_COLUMNS:,} columns, with those before it")
            _must_be_a_name(name, number)
            columns[name] = [None] * (number - 1)
        if number * len(columns) > MOST_CELLS:
            raise TooManyError(f"row {number}: more than {MOST_CELLS:,} values: send smaller batches")
        for name, column in columns.items():
            column.append(row.get(name))
    return Rows(count=len(raws), columns={name: _typed(name, column) for name, column in columns.items()})


def _elements(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    if body.lstrip()[:1] == b"{":
        return [body]
    try:
        return _ARRAY.decode(body)
    except _ERRORS as error:
        raise RowsError(f"is no JSON array of rows: {_why(error, body)}") from error


def _lines(body: bytes) -> Iterator[bytes]:
    """Blank ones are none. Stops one beyond what is allowed."""
    found = 0
    start = 0
    while start < len(body) and found <= MOST_ROWS:
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip()
        if line:
            found += 1
            yield line
        start = end + 1


def _row(raw: bytes | msgspec.Raw, number: int) -> dict[str, Value]:
    try:
        return _ROW.decode(raw)
    except _ERRORS as error:
        raise RowsError(_trouble(bytes(raw), number, error)) from error


def _trouble(raw: bytes, number: int, error: BaseException) -> str:
    """The same row again, value by value, to say which one it is."""
    if not raw.lstrip().startswith(b"{"):
        return f"row {number}: must be an object of column and value, got {_shown(raw)}"
    try:
        values = _ROUGH.decode(raw)
    except _ERRORS:
        return f"row {number}: {_why(error, raw)}"
    for name, value in values.items():
        text = bytes(value)
        if text[:1] in (b"[", b"{"):
            return (
                f"row {number}, column {_shown(name)}: is nested; a value is a number, a text, true, false "
                "or null: give each part a column of its own"
            )
        try:
            _VALUE.decode(value)
        except _ERRORS as wrong:
            return f"row {number}, column {_shown(name)}: {_why(wrong, text)}, got {_shown(text)}"
    return f"row {number}: {_why(error, raw)}"


def _why(error: BaseException, raw: bytes) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    said = str(error).split(" - at ")[0].removeprefix("JSON is malformed: ")
    if any(token in raw for token in (b"NaN", b"Infinity")):
        return f"{said.lower()}; NaN and Infinity are no JSON: send null for a number that is missing"
    if said == "Input data was truncated":  # msgspec's word for both
        return "it is cut off, or holds one half of a surrogate pair"
    return said.lower()


def _must_be_a_name(name: str, number: int) -> None:
    where = f"row {number}, column {_shown(name)}"
    if not name:
        raise RowsError(f"row {number}: has a column without a name")
    if len(name) > LONGEST_NAME:
        raise RowsError(f"{where}: its name is longer than {LONGEST_NAME} characters")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise RowsError(f"{where}: its name holds a control character")


def _typed(name: str, column: list[Value]) -> Sequence[Value]:
    """All of one type. Numbers are floats, as whole ones and others come in turn; a column of longer whole
    numbers keeps their digits."""
    types = {type(value) for value in column} - {type(None)}
    if len(types - {int, float}) and len(types) > 1:
        first = next(value for value in column if value is not None)
        row, other = _first(column, lambda value: _word(value) != _word(first))
        raise RowsError(
            f"row {row}, column {_shown(name)}: is {_word(other)}, where a row before has {_word(first)}; "
            "a column has one type in a batch"
        )
    if not types or not types <= {int, float}:
        return column
    whole = [value for value in column if isinstance(value, int)]
    if (
        types == {int}
        and all(value in _INT64 for value in whole)
        and any(value not in _EXACT for value in whole)
    ):
        return column
    return [None if value is None else _float(name, row, value) for row, value in enumerate(column, 1)]


def _float(name: str, row: int, value: Value) -> float:
    try:
        return float(value or 0)
    except OverflowError as error:
        raise RowsError(f"row {row}, column {_shown(name)}: is larger than a float64 can be") from error


def _first(column: Sequence[Value], is_it: Callable[[Value], bool]) -> tuple[int, Value]:
    return next((row, value) for row, value in enumerate(column, 1) if value is not None and is_it(value))


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a text" if isinstance(value, str) else "a number"


def _shown(value: str | bytes) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return repr(text if len(text) <= 60 else f"{text[:60]}…")

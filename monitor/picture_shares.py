"""How did the rows of a window spread over a column's bins, against the reference and the windows before?

The left side of a picture.
"""

from collections.abc import Sequence

from alerting.sanitise import clean
from detectors import Bins, Kind
from monitor.mix_change import may_be_named
from monitor.picture import Shares
from monitor.wording import number
from storage.courses import Passed
from storage.measurements import ColumnResult

ENOUGH = 5  # windows before the incident: fewer say little about a range
_BINS = 12  # rows of it
_LABEL = 16  # characters


def shares_of(last: Passed, before: Sequence[Passed]) -> Shares | None:
    """None for what has no bins, and for a window without rows."""
    bins = last.result.bins
    if bins is None or not any(bins.window):
        return None
    alike = [each.result.bins for each in before if each.result.bins is not None]
    alike = [each for each in alike if each.labels == bins.labels and any(each.window)]
    held = [
        max(values) for values in zip(bins.window, bins.reference, *(b.window for b in alike), strict=True)
    ]
    chosen, left_out = _bins(last.result, bins, held)
    earlier = [_chosen(each.window, chosen) for each in alike] if len(alike) >= ENOUGH else []
    return Shares(
        labels=tuple(label for label, _ in chosen),
        window=_chosen(bins.window, chosen),
        reference=_chosen(bins.reference, chosen),
        low=tuple(min(values) for values in zip(*earlier, strict=True)),
        high=tuple(max(values) for values in zip(*earlier, strict=True)),
        windows=len(earlier),
        left_out=left_out,
    )


def _bins(result: ColumnResult, bins: Bins, held: Sequence[float]) -> tuple[list[tuple[str, int]], int]:
    """The bins to draw with their labels, and how many are left out: those that moved least.

    Bins that never held a row are not drawn either; the three for the unexpected stay when they did.
    """
    numeric = result.kind is Kind.NUMERIC
    last = len(bins.labels) - 1
    drawn = [i for i in range(len(bins.labels)) if held[i] > 0.0005]
    if numeric:
        drawn.sort(key=lambda i: _position(bins.labels[i]))
    most = sorted(
        drawn,
        key=lambda i: (i >= last - (0 if numeric else 1), abs(bins.window[i] - bins.reference[i])),
        reverse=True,
    )
    kept = {*most[:_BINS]}
    return [(_label(result, bins.labels, i), i) for i in drawn if i in kept], len(drawn) - len(kept)


def _label(result: ColumnResult, labels: Sequence[str], index: int) -> str:
    """A bin's name. Labels of a column with many levels, which may be names or addresses, get a number."""
    name = labels[index]
    if index == len(labels) - 1:
        return "missing"
    if result.kind is Kind.NUMERIC:
        return " ".join(map(_number, name.split())).replace("-", "−")
    if index == len(labels) - 3:
        return "rare values"
    if index == len(labels) - 2:
        unseen = result.evidence.get("unseen")
        new = unseen["labels"] if isinstance(unseen, dict) else []
        named = may_be_named(result) and len(new) == 1
        return clean(f"new: {new[0][0]}", _LABEL) if named else "new values"
    return clean(name, _LABEL) if may_be_named(result) else f"value {index + 1}"


def _number(word: str) -> str:
    """As everywhere else in a message: 1.737e+04 is 17,370."""
    try:
        return number(float(word))
    except ValueError:
        return word


def _position(label: str) -> float:
    """Where a numeric bin stands: `below 5`, `= 8`, `8 to 10`, `above 23`, `missing`."""
    words = label.split()
    if words[0] in ("below", "above", "missing", "value"):
        return {"below": -1e308, "value": 0.0, "above": 1e308}.get(words[0], float("inf"))
    return float(words[1] if words[0] == "=" else words[0])


def _chosen(shares: Sequence[float], bins: Sequence[tuple[str, int]]) -> tuple[float, ...]:
    return tuple(shares[i] for _, i in bins)

"""Which values of a category came, left, or changed their share?"""

from collections.abc import Sequence

from monitor import wording
from monitor.component_judgement import ComponentJudgement
from monitor.normal_range import normal_range
from monitor.wording import percent
from storage.measurements import ColumnResult

NAMED_LEVELS = 200  # levels of the reference; docs/detectors.md, "ticket or page"
# One label left and a new one came whose share differs by less than this part of it, or is usual for it.
_RENAMED = 0.25

Change = tuple[str, str]  # named change, what is said of it


def level(
    result: ColumnResult,
    part: ComponentJudgement,
    where: str,
    over: str,
    *,
    lasting: bool,
) -> Change:
    """The share of one label, or of the rare ones together."""
    low, high = normal_range(part)
    now = part.score.y
    label = "rare values" if part.name == "rest" else "one of its values"
    if part.name != "rest" and may_be_named(result):
        label = wording.label(part.name.removeprefix("level:"))
    usual = f"(normal{where} {_between_shares(low, high)})"
    if now == 0.0:
        return "vanished", f"{label} is gone {usual}"
    moved = f", {wording.points(part.after.effect)}{over}" if lasting else ""
    return "mix", f"{label} {percent(part.score.mu)} → {percent(now)}{moved} {usual}"


def vanished(part: ComponentJudgement, components: Sequence[ComponentJudgement]) -> ComponentJudgement | None:
    """A level without a row, where its leaving explains at least half of what moved most: the others grow
    because it is not there any more."""
    gone = [each for each in components if each.name.startswith("level:") and each.score.y == 0.0]
    most = max(gone, key=lambda each: each.score.mu, default=None)
    return most if most is not None and 2.0 * most.score.mu >= abs(part.score.effect) else None


def new_labels(result: ColumnResult, now: float, components: Sequence[ComponentJudgement]) -> tuple[str, str]:
    unseen = result.evidence.get("unseen")
    labels, rows = ([], 0) if not isinstance(unseen, dict) else (unseen["labels"], unseen["rows"])
    named = wording.label_list([(label, count) for label, count in labels], rows)
    word = "new value" if len(labels) == 1 else "new values"
    if not may_be_named(result):
        return (
            "new_category",
            f"{word} in {percent(now)} of rows, not named: it has over {NAMED_LEVELS} values",
        )
    for gone in result.evidence.get("vanished") or ():  # type: ignore[attr-defined]  # JSON list
        was = gone["share"][0]
        if len(labels) == 1 and (
            abs(now - was) <= _RENAMED * was or _is_usual(gone["label"], now, components)
        ):
            return (
                "renamed",
                f"{wording.label(gone['label'])} ({percent(was)}) is gone, {named} ({percent(now)}) is new",
            )
    return "new_category", f"{word} {named} in {percent(now)} of rows".replace("  ", " ")


def may_be_named(result: ColumnResult) -> bool:
    """Titles leave the machine: the labels of a column with many levels may be names or addresses."""
    distinct = wording.pair(result.evidence, "distinct")[0]
    return distinct is None or distinct <= NAMED_LEVELS


def _is_usual(label: str, share: float, components: Sequence[ComponentJudgement]) -> bool:
    """Whether a level of the reference has this share in windows like this one."""
    known = next((part for part in components if part.name == f"level:{label}"), None)
    if known is None:
        return False
    low, high = normal_range(known)
    return low <= share <= high


def _between_shares(low: float, high: float) -> str:
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"

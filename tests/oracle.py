"""H4: what does alerting.md's table say of a string of verdicts? An independent, slow fold.

Written from the tables of docs/alerting.md alone, without a look at alerting/fold.py. It keeps no counters:
all it remembers of a series is the text since it was last ok, and each question (did it fire, may it still
fire, was that the R-th clear) is answered by reading that text again.

One letter a window, as in tests/alerting/verdicts.py, and "." for a window that has no word on the series
(it was skipped):

    t p  breach that asks for a ticket, a page    c  clear    h  hold
    T P  the same, and sure    z  no_data    l  low_volume    e  error    E  immediate error
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

BREACH, CLEAR, BAD = "tpTP", "c", "zleE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """F, M, R of docs/alerting.md, how long after its end an incident comes back as itself, and when it
    flaps: from so many fires, reopenings and resolves in so many windows, until so many windows without one.
    """

    fire_after: int = 2
    fire_within: int = 3
    resolve_after: int = 3
    reopen_within: int = 6
    flap_after: int = 3
    flap_within: int = 48
    flap_calm: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """One incident. Windows are numbered from 0 in the string."""

    opened: int
    severity: str
    resolved: int | None = None
    relapses: int = 0
    reopens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The whole string: the condition after each window, and every incident in order of opening."""

    conditions: tuple[str, ...]
    tales: tuple[Tale, ...]


def tell(letters: str, rules: Rules) -> Story:
    """The fold of one axis of one series."""
    conditions: list[str] = []
    tales: list[Tale] = []
    condition, life, words = "ok", "", 0  # `life`: since it was last ok; `words`: windows with a word
    ended: tuple[int, int] | None = None  # which tale ended last, and after how many words
    turns: list[int] = []  # after how many words it fired, reopened or resolved
    flapping = False
    for window, letter in enumerate(letters):
        if letter == ".":
            conditions.append(condition)
            continue
        life, words = life + letter, words + 1
        decisive = [each for each in life if each in BREACH + CLEAR]
        last = decisive[-rules.fire_within :]
        if letter in BREACH:
            page = letter == "P" or sum(each in "pP" for each in last) >= rules.fire_after
            enough = letter.isupper() or sum(each in BREACH for each in last) >= rules.fire_after
            if condition in ("firing", "recovering"):
                tale = tales[-1]
                rises = {"severity": "page"} if page else {}
                tales[-1] = replace(tale, relapses=tale.relapses + (condition == "recovering"), **rises)
                condition = "firing"
            elif enough:
                severity = "page" if page else "ticket"
                if ended is not None and (flapping or words - ended[1] <= rules.reopen_within):
                    tale = tales[ended[0]]
                    tales[-1] = replace(tale, severity=severity, resolved=None, reopens=tale.reopens + 1)
                else:
                    tales.append(Tale(opened=window, severity=severity))
                condition = "firing"
                turns.append(words)
            else:
                condition = "pending"
        elif letter in CLEAR and condition in ("firing", "recovering"):
            condition = "recovering"
            if decisive[-rules.resolve_after :] == [CLEAR] * rules.resolve_after:
                tales[-1] = replace(tales[-1], resolved=window)
                condition, life, ended = "ok", "", (len(tales) - 1, words)
                turns.append(words)
        elif condition == "pending":
            silent = len(life) - len(life.rstrip("h" + BAD))
            over = silent >= 4 * rules.fire_after if letter not in CLEAR else not _may_fire(decisive, rules)
            condition = "ok" if over else "pending"
        if turns and turns[-1] == words:
            flapping |= sum(words - each < rules.flap_within for each in turns) >= rules.flap_after
        elif flapping and words - turns[-1] >= rules.flap_calm:
            flapping = False
        if condition == "ok":
            life = ""
        conditions.append(condition)
    return Story(conditions=tuple(conditions), tales=tuple(tales))


def _may_fire(decisive: Sequence[str], rules: Rules) -> bool:
    """Whether any number of breaches to come makes F of M that counts one already seen: by trying."""
    for more in range(1, rules.fire_within):
        seen = [*decisive, *"?" * more][-rules.fire_within :]
        old = sum(each in BREACH for each in seen)
        if old and old + more >= rules.fire_after:
            return True
    return False


def health(letters: str, feed: str, *, hours: float, column: bool = True, asks: str | None = None) -> str:
    """The letters that the health axis of a column sees, given the feed's. The feed itself: `column=False`.

    Bad is a breach, judged is clear; a window of six hours is sure by itself, as is an immediate error. While
    the feed as a whole is bad its columns stand still. A page for the feed and for immediate errors, else a
    ticket; `asks` where it is always the same (labels that do not come wake nobody).
    """
    seen = ""
    for letter, whole in zip(letters, feed, strict=True):
        if letter == ".":
            seen += "."
        elif column and whole in BAD and letter != "E":
            seen += "h"
        elif letter not in BAD:
            seen += CLEAR
        else:
            page = asks or ("p" if letter == "E" or not column else "t")
            seen += page.upper() if letter == "E" or hours >= 6 else page
    return seen


def health_rules(rules: Rules, health_for: int = 2) -> Rules:
    """F = M = health_for, and one good window resolves; the rest as on the other axis."""
    return replace(rules, fire_after=health_for, fire_within=health_for, resolve_after=1)

"""What does one model's line of `leeway status` say, and what should be done next?"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from alerting.silence import Silence
from monitor.appearances import KNOWN_COLUMNS
from monitor.config import Config
from monitor.performance_lines import realised
from monitor.realised import told
from monitor.terminal import printable
from storage.label_overview import LabelOverview
from storage.overview import ModelOverview

ENOUGH_WINDOWS = (
    20  # as detectors._noise.ENOUGH_WINDOWS, which would load scipy here; a test holds them equal
)
PROMISE = {  # docs/detectors.md, "sensitivity"
    "low": "about one false page in 5,000 windows",
    "default": "about one false page in 1,000 windows",
    "high": "about four false pages in 1,000 windows",
}


def standing(
    name: str,
    config: Config,
    seen: ModelOverview | None,
    quiet: Sequence[Silence] = (),
) -> dict[str, Any]:
    """The facts of one model; `state` is the word a person looks at first.

    `quiet`: the silences that hold and may cover something of it.
    """
    model = config.models.get(name)
    zone = ZoneInfo(model.window.zone) if model else ZoneInfo("UTC")
    reference = seen.reference if seen else None
    noise = seen.noise if seen else None
    learnt = noise.windows if noise else 0
    fits = noise is not None and (model is None or noise.window_spec == str(model.window.spec))
    facts: dict[str, Any] = {
        "model": name,
        "state": "",
        "next": "",
        "paused": model is not None and model.paused,
        "reference": reference.version if reference else None,
        "against": reference.lineage.get("against") if reference else None,
        "older": reference is not None and KNOWN_COLUMNS not in reference.lineage,
        "noise": "learning" if learnt < ENOUGH_WINDOWS or not fits else "learnt",
        "noise_windows": learnt,
        "last_window": seen.last_start.astimezone(zone).isoformat() if seen and seen.last_start else None,
        "last_state": seen.last_state.value if seen and seen.last_state else None,
        "last_reason": seen.last_reason if seen else "",
        "last_rows": seen.last_rows if seen else None,
        "waiting": seen.waiting if seen else 0,
        "overdue": seen.overdue if seen else 0,
        "unattended": seen.unattended if seen else 0,
        "unjudged_since": seen.unjudged.astimezone(zone).isoformat() if seen and seen.unjudged else None,
        "failed_30d": seen.failed if seen else 0,
        "open_pages": seen.open_pages if seen else 0,
        "open_tickets": seen.open_tickets if seen else 0,
        "windows_30d": seen.windows if seen else 0,
        "pages_30d": seen.pages if seen else 0,
        "performance": _performance(name, config, seen.labels if seen else None, zone),
        "promise": PROMISE[model.policy.sensitivity] if model else None,
        "windows": seen.ever.windows if seen else 0,
        "pages": seen.ever.pages if seen else 0,
        "false_pages": seen.ever.marked_false if seen else 0,
        "silences": [
            {
                "silence_id": each.id,
                "matchers": [str(matcher) for matcher in each.matchers],
                "author": each.author,
                "until": each.over.astimezone(zone).isoformat(),
                "comment": each.comment,
            }
            for each in quiet
        ],
    }
    facts["state"], facts["next"] = _state(name, facts, configured=model is not None, fits=fits)
    return facts


def line(facts: dict[str, Any]) -> list[str]:
    """The facts as a person reads them, worst first."""
    last = "no window yet"
    if facts["last_window"]:
        rows = f", {facts['last_rows']:,} rows" if facts["last_rows"] is not None else ""
        last = f"last window {facts['last_window'][:16]} {facts['last_state']}{rows}"
        last += f" ({facts['last_reason']})" if facts["last_reason"] else ""
    noise = (
        f"normal learnt from {facts['noise_windows']} windows"
        if facts["noise"] == "learnt"
        else f"learning what is normal ({facts['noise_windows']} of {ENOUGH_WINDOWS} windows): until then "
        "column alerts are tickets, unless a column is gone or mostly missing"
    )
    reference = f"reference v{facts['reference']}" if facts["reference"] else "no reference"
    if facts["against"]:
        reference += f", which moves along (creep is judged against v{facts['against']})"
    lines = [
        f"{facts['model']}: {facts['state']}",
        f"  {last}; {facts['overdue']} overdue, {facts['failed_30d']} failed in 30 days",
        f"  open: {_counted(facts['open_pages'], 'page')}, {_counted(facts['open_tickets'], 'ticket')}; "
        f"{_counted(facts['pages_30d'], 'page')} in {_counted(facts['windows_30d'], 'window')} of 30 days",
        *_promise_line(facts),
        f"  {reference}; {noise}" if facts["reference"] else f"  {reference}",
    ]
    lines += [
        f"  silenced: {printable(' '.join(each['matchers']))} until {each['until'][:16]} by "
        f"{printable(each['author'])}: {printable(each['comment'])}"
        for each in facts["silences"]
    ]
    if facts["older"]:
        lines.append(
            "  reference of an earlier version: relations, behaviour, volume, slices and performance are "
            f"not judged; `leeway reference build --model {facts['model']}` brings them"
        )
    if facts["performance"] is not None:
        lines.append(f"  performance: {_performance_line(facts['performance'])}")
    return [*lines, f"  next: {facts['next']}"] if facts["next"] else lines


def _performance(
    name: str, config: Config, labels: LabelOverview | None, zone: ZoneInfo
) -> dict[str, Any] | None:
    """None where the model has no labels to come."""
    model = config.models.get(name)
    if labels is None and (model is None or model.labels is None):
        return None

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(zone).isoformat()

    return {
        "window": at(labels.measured) if labels else None,
        **(told(labels.evidence) if labels else {}),
        "waiting": labels.waiting if labels else 0,
        "waiting_since": at(labels.oldest) if labels else None,
        "last_window": at(labels.start) if labels else None,
        "last_state": labels.state.value if labels and labels.state else None,
        "last_reason": labels.reason if labels else "",
    }


def _performance_line(facts: dict[str, Any]) -> str:
    said = realised(facts)
    parts = [f"{said} in the window of {facts['window'][:16]}"] if said else ["no window is known yet"]
    if facts["waiting"]:
        parts.append(
            f"labels of {_counted(facts['waiting'], 'window')} awaited, since {facts['waiting_since'][:16]}"
        )
    if facts["last_reason"] and facts["last_window"] != facts["window"]:
        parts.append(f"window of {facts['last_window'][:16]} {facts['last_state']}: {facts['last_reason']}")
    elif facts["last_reason"]:
        parts.append(facts["last_reason"])
    return "; ".join(parts)


def _promise_line(facts: dict[str, Any]) -> list[str]:
    """What the sensitivity promises, beside what people said of the pages so far."""
    if not facts["promise"]:
        return []
    if not facts["pages"]:
        kept = f"no page in {_counted(facts['windows'], 'window')}"
    else:
        marked = facts["false_pages"] or "none"
        kept = (
            f"{marked} of {_counted(facts['pages'], 'page')} in {_counted(facts['windows'], 'window')} "
            "marked as false"
        )
    return [f"  promise: {facts['promise']}; so far {kept}"]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _state(name: str, facts: dict[str, Any], *, configured: bool, fits: bool) -> tuple[str, str]:
    if not configured:
        return "not in the config: its history stays", ""
    if facts["paused"]:
        return "paused: nobody looks at it", ""
    if facts["reference"] is None:
        return "not watched yet", f"leeway reference build --model {name}"
    if not fits:
        return (
            "its window changed since the reference was built",
            f"leeway reference build --model {name} --noise-only",
        )
    if facts["unjudged_since"]:
        return (
            f"is evaluated, but not judged since the window of {facts['unjudged_since'][:16]}",
            "leeway run; where it runs, its log says why (tick.failed)",
        )
    if facts["open_pages"]:
        return "needs a person", f"leeway incidents list --model {name}"
    if facts["last_state"] == "failed":
        return "its last window failed", f"leeway history windows --model {name} --last 5"
    if facts["unattended"]:
        return "windows are overdue: is the daemon running?", "leeway run"
    if facts["overdue"]:
        return (
            "windows are overdue: they are looked at, and are not complete",
            f"leeway history windows --model {name} --last 5",
        )
    if facts["open_tickets"]:
        return "has open tickets", f"leeway incidents list --model {name}"
    return "fine" if facts["last_state"] else "waiting for its first window", ""

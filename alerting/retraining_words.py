"""Which words does a person read about a retraining: what happened, why, and what to do next?

One event a message. Every string from the facts goes through `sanitise.clean`; escaping is the channel's.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from alerting import answers, phrases
from alerting.sanitise import clean

SHORT_ID = 12  # hex digits that a person types


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What alerting/message.py makes a message of."""

    heading: str
    lines: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    next_steps: tuple[str, ...] = ()


def words(model: str, told: Mapping[str, object], now: datetime, zone: tzinfo) -> Words:
    """For a request on its way to a target, a dry run, or what `event` says happened to a request."""
    event = phrases.text(told.get("event")) or phrases.text(told.get("outcome")) or "requested"
    asked = "rollback" if told.get("ask") == "rollback" else "retraining"
    name, id_ = shlex.quote(model), phrases.text(told.get("request_id")) or phrases.text(told.get("id"))
    short = shlex.quote(id_[:SHORT_ID])
    detail = _said(told.get("detail"), 200)
    show = f"leeway retraining show {short}"
    actor = phrases.text(told.get("actor"), 40)
    since, at = phrases.moment(told.get("since")), phrases.moment(told.get("at")) or now
    took = f"Took: {phrases.how_long(at - since)}." if since is not None and at > since else ""
    version = phrases.text(told.get("model_version"), 60)
    match event:
        case "dry_run":
            return Words(
                heading=f"🔁 {model}: {asked} would have been requested (dry run)",
                lines=_cause(told, id_),
                table=_gates(told),
                next_steps=(
                    'to let it happen, set mode = "auto" or "approve" under retraining in the config',
                ),
            )
        case "proposed":
            until = phrases.moment(told.get("deadline"))
            return Words(
                heading=f"🔁 {model}: {asked} waits for your yes",
                lines=(*_cause(told, id_), f"Until: {phrases.when(until, now, zone)}." if until else ""),
                table=_gates(told),
                next_steps=(
                    f"leeway retraining approve {short}",
                    f"leeway retraining reject {short} --reason 'WHY'",
                    f"leeway retraining explain --model {name}",
                ),
            )
        case "requested":
            by = phrases.text(told.get("approved_by"), 40)
            return Words(
                heading=f"🔁 {model}: {asked} is requested",
                lines=(*_cause(told, id_), f"Approved: by {by}." if by else ""),
                table=_gates(told),
                next_steps=(show,),
            )
        case "uncertain":
            number = phrases.number(told.get("outbox_id"))
            row = "NUMBER" if number is None else str(int(number))
            return Words(
                heading=f"❓ {model}: has {phrases.text(told.get('target'))} got the request for {asked}?",
                lines=(
                    f"What: {detail or 'nobody knows whether it arrived'}.",
                    "Not sent again, as the target may do twice what it is asked twice: ask there.",
                ),
                next_steps=(
                    f"leeway outbox cancel {row} --reason 'it has it'",
                    f"leeway outbox retry {row} --yes",
                    show,
                ),
            )
        case "succeeded":
            by_hand = told.get("reference") != "auto"
            what = f"model version {version}" if version else "no version was named"
            follows = (
                "its reference is yours to build and to put in force"
                if by_hand
                else "its reference is built and put in force by the daemon"
            )
            return Words(
                heading=f"✅ {model}: {asked} succeeded, {what}",
                lines=(f"What: {detail}." if detail else "", took, f"Reference: {follows}."),
                next_steps=(
                    *((f"leeway reference build --model {name} --promote",) if by_hand else ()),
                    show,
                ),
            )
        case "failed":
            return Words(
                heading=f"🔴 {model}: {asked} failed",
                lines=(f"What: {detail or 'the target did not say why'}.", took),
                next_steps=(show,),
            )
        case "expired":
            return Words(
                heading=f"🟡 {model}: {asked} expired",
                lines=(f"What: {detail or 'its time was over'}.",),
                next_steps=(
                    show,
                    f"leeway retraining explain --model {name}",
                ),
            )
        case "cancelled" | "rejected":
            return Words(
                heading=f"🔁 {model}: {asked} was {event}",
                lines=(f"What: {detail or 'no reason was given'}.", f"Who: {actor}." if actor else ""),
                next_steps=(show,),
            )
        case "late_report":
            state = phrases.text(told.get("state"), 20)
            return Words(
                heading=f"🟡 {model}: a report on {asked} came too late: {state}",
                lines=(f"What: {detail}." if detail else "", "Nothing was changed by it."),
                next_steps=(show,),
            )
        case "reference_promoted":
            number = phrases.number(told.get("reference_version"))
            which = "a new reference" if number is None else f"reference v{int(number)}"
            back = f"leeway reference promote --model {name} --version VERSION"
            return Words(
                heading=f"🔁 {model}: {which} is in force after {asked}",
                lines=("What: what is normal now is what the new model was trained on.",),
                next_steps=(f"leeway reference list --model {name}", f"to undo it: {back}"),
            )
        case "reference_failed":
            return Words(
                heading=f"🔴 {model}: the reference after {asked} is not in force",
                lines=(f"What: {detail or 'it could not be built'}.", "It is tried again."),
                next_steps=(f"leeway reference build --model {name} --promote",),
            )
        case "improved" | "not_improved" | "unknown":
            return _answer(model, asked, event, told, show)
        case "breaker_opened":
            return Words(
                heading=f"🔴 {model}: no more {asked} until a person has looked",
                lines=(f"What: {detail or 'it does not help'}.",),
                next_steps=(
                    f"leeway retraining list --model {name}",
                    f"leeway retraining close-breaker --model {name} --reason 'WHY'",
                ),
            )
        case _:
            heading = f"🔁 {model}: {asked}: {clean(event)}"
            return Words(heading=heading, lines=(f"What: {detail}." if detail else "",), next_steps=(show,))


def _answer(model: str, asked: str, event: str, told: Mapping[str, object], show: str) -> Words:
    heading = {
        "improved": f"✅ {model}: {asked} helped",
        "not_improved": f"🔴 {model}: {asked} did not help",
    }.get(event, f"🟡 {model}: whether {asked} helped is not known")
    drift, performance = _said(told.get("drift"), 160), _said(told.get("performance"), 160)
    return Words(
        heading=heading,
        lines=(f"Drift: {drift}." if drift else "", f"Performance: {performance}." if performance else ""),
        next_steps=(show,),
    )


def _cause(told: Mapping[str, object], id_: str) -> tuple[str, ...]:
    why = next((gate for gate in answers.gates(told) if gate.get("name") == "breached_windows"), {})
    target = phrases.text(told.get("target"))
    return (
        f"What: {phrases.text(why.get('why'), 120) or 'the model keeps drifting'}.",
        f"Target: {target}." if target else "",
        f"Request: {id_}" if id_ else "",
    )


def _gates(told: Mapping[str, object]) -> tuple[tuple[str, ...], ...]:
    rows = tuple(
        (
            phrases.text(gate.get("name")),
            "passed" if gate.get("passed") else "refused",
            phrases.text(gate.get("why")),
        )
        for gate in answers.gates(told)[:20]
    )
    return (("gate", "", "because"), *rows) if rows else ()


def _said(value: object, most: int) -> str:
    return phrases.text(value, most).rstrip(".")

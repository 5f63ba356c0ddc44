"""What was told, by the other side's own file: is anything lost, doubled, doubled without saying so?"""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

POST, EDIT = "/api/chat.postMessage", "/api/chat.update"
LABEL = "possible repeat"
# Where a death may leave the other side with a message that nobody marked: told again, and labelled.
MAY_REPEAT = frozenset({"after_bytes_written", "after_response", "before_mark"})
Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Messages of one try against those of the undisturbed life."""

    lost: int = 0
    doubled: int = 0  # posts accepted once more than they should be
    labelled: int = 0  # of those, how many say that they may be a repeat
    same_id: int = 0  # requests sent again under the same webhook-id, which their target knows
    unexpected: int = 0  # messages that the undisturbed life does not have
    most: int = 0  # repeats of one message

    def wrong(self, *, repeats: int) -> list[str]:
        """What breaks the promise, where a message may be repeated so often."""
        said = []
        if self.lost:
            said.append(f"{self.lost} messages lost")
        if self.unexpected:
            said.append(f"{self.unexpected} messages that nobody expected")
        if self.doubled != self.labelled:
            said.append(f"{self.doubled - self.labelled} messages doubled without a label")
        if self.most > repeats:
            said.append(f"a message repeated {self.most} times where {repeats} may be")
        return said


def account(wanted: Sequence[Line], got: Sequence[Line]) -> Told:
    """Edits are neither lost nor doubled: of queued ones only the newest leaves, and it may leave again."""
    expected = Counter(key for key in map(_key, wanted) if key[0] != EDIT)
    accepted: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in got:
        accepted[_key(line)].append(line)
    lost = doubled = labelled = same_id = most = unexpected = 0
    for key in expected:
        lost += key not in accepted
    for (path, key), lines in accepted.items():
        if path == EDIT:
            continue
        if (path, key) not in expected:
            unexpected += 1
            continue
        again = lines[expected[path, key] :]
        most = max(most, len(again))
        if path == POST:
            doubled += len(again)
            labelled += sum(LABEL in json.dumps(line["json"]) for line in again)
        else:
            same_id += len(again)
    return Told(
        lost=lost, doubled=doubled, labelled=labelled, same_id=same_id, unexpected=unexpected, most=most
    )


def against_outbox(sent: set[str], got: Sequence[Line]) -> list[str]:
    """Where what was accepted is not what the outbox has marked as sent, edits aside."""
    accepted = {key for path, key in map(_key, got) if path != EDIT}
    said = [f"{len(sent - accepted)} messages are marked and were not accepted"] if sent - accepted else []
    return said + ([f"{len(accepted - sent)} were accepted and are not marked"] if accepted - sent else [])


def _key(line: Line) -> tuple[str, str]:
    """Path and the key that is derived from facts: the same message has the same one."""
    if line["webhook_id"]:
        return line["path"], line["webhook_id"]
    metadata = line["json"].get("metadata")
    if metadata is None:
        return line["path"], str(line["json"].get("ts"))
    metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
    return line["path"], metadata["event_payload"]["key"]

"""Which faults are there to try, and which of them when there is no time for all?"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerting.failpoint import NAMES

# An exception there leaves a window until the lease of its claim is over. The daemon goes on meanwhile, and
# what is due then, a reminder say, is rightly told without that window: in other messages than otherwise.
UNFINISHED = frozenset({"after_claim", "mid_source_read", "before_finish_commit"})
# An exception there puts off the look for late rows by as long as one may take. Until then retraining is
# decided on as if the rows were not there: a decision stays, with the facts of its time.
PUT_OFF = frozenset({"after_recheck_claim", "before_revise_commit"})


class Kind(StrEnum):
    """A row of the table; the values are the words of `--only`."""

    SWEEP = "sweep"  # SIGKILL at the k-th pass of a failpoint, for every name and k
    RAISE = "raise"  # an exception there
    RANDOM = "random"  # SIGKILL at any moment, many in one life
    LOCKED = "locked"  # somebody else holds the database for longer than anybody waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One try. `step`: which state it starts from. `name`, `k`: the failpoint's k-th pass after that."""

    kind: Kind
    step: int
    name: str = ""
    k: int = 0
    seed: int = 0  # random: of its moments

    @property
    def may_tell_otherwise(self) -> bool:
        """Whether other messages may come of it, with which a channel believes the same in the end."""
        return self.kind is Kind.RAISE and self.name in UNFINISHED

    @property
    def may_weigh_otherwise(self) -> bool:
        """Whether it may be weighed after other windows, with other facts, whether to ask for retraining:
        refused then as well, and what is asked is the same."""
        return self.kind is Kind.RAISE and self.name in UNFINISHED | PUT_OFF

    def __str__(self) -> str:
        if self.name:
            return f"{self.kind} {self.name}:{self.k} at step {self.step}"
        return f"{self.kind} {self.seed} at step {self.step}"


def passes(kind: Kind, hits: Mapping[int, Mapping[str, int]]) -> list[Fault]:
    """Every pass of every failpoint in the whole life, by step."""
    return [
        Fault(kind=kind, step=step, name=name, k=k)
        for step in sorted(hits)
        for name in NAMES
        for k in range(1, hits[step].get(name, 0) + 1)
    ]


def some(faults: Sequence[Fault], most: int, seed: int) -> list[Fault]:
    """All, or `most` of them: of each name in turn, drawn by chance, so that none is left out before others
    have had two."""
    if len(faults) <= most:
        return list(faults)
    chance = random.Random(seed)
    by_name: defaultdict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_name[fault.name].append(fault)
    for group in by_name.values():
        chance.shuffle(group)
    chosen: list[Fault] = []
    while len(chosen) < most:
        for name in sorted(by_name):
            if by_name[name] and len(chosen) < most:
                chosen.append(by_name[name].pop())
    return sorted(chosen, key=lambda fault: (fault.step, fault.name, fault.k))


def unreached(hits: Mapping[int, Mapping[str, int]]) -> list[str]:
    """Failpoints that the scenario never passes: of them the sweep says nothing."""
    passed = {name for counted in hits.values() for name in counted}
    return [name for name in NAMES if name not in passed]

"""The list of guards: each change still applies to the tree, to one place, and names tests that are there."""

from pathlib import Path

import pytest

from tests.prove.mutants import ROOT, Result, applied, lines
from tests.prove.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_guard_is_where_the_list_says(mutation: Mutation) -> None:
    """Its text is in its file once; a guard that moves takes its row along."""
    text = (ROOT / mutation.file).read_text()
    assert applied(mutation, text) != text


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_tests_are_there(mutation: Mutation) -> None:
    """A test that was renamed would notice nothing, and pytest's refusal proves nothing."""
    for test in mutation.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in Path(ROOT / file).read_text()


def test_the_list_is_long_enough() -> None:
    """Twenty guards and more, each named once."""
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names) >= 20


def test_the_document_names_each_guard() -> None:
    """And no other, in the order of the list: who reads the table reads all of it."""
    table = (ROOT / "docs/proof.md").read_text().partition("| guard disabled |")[2].partition("\n\n")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]
    assert rows == [mutation.name for mutation in MUTATIONS]


def test_a_guard_that_moved_is_an_error() -> None:
    """Better no answer than one about another line."""
    moved = Mutation("x", "storage/lock.py", "no such text", "", ("tests/storage/test_lock.py",))
    with pytest.raises(ValueError, match="moved"):
        applied(moved, (ROOT / moved.file).read_text())


def test_a_survivor_is_said_loudly() -> None:
    """So is a change that does not even run: neither counts as noticed."""
    survived = Result(name="a", file="f", by="", seconds=1.0)
    broken = Result(name="b", file="f", by="t", seconds=1.0, problem="does not run")
    noticed = Result(name="c", file="f", by="t", seconds=1.0)
    assert [each.killed for each in (survived, broken, noticed)] == [False, False, True]
    assert "SURVIVED" in "\n".join(lines([survived]))

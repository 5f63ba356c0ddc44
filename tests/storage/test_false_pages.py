"""Laws of false pages: a mark is a person's word, it lasts, and it is counted."""

import pytest

from alerting.incident import Incident
from alerting.verdict import Severity, VerdictKind
from storage import history, incidents, ledger
from storage.engine import Store
from storage.history import Filter
from storage.ledger import WindowState
from storage.overview import PagesSeen, overview
from tests.storage.samples import DAY, T0, claim, done, fold, plan, verdict


@pytest.fixture
def page(store: Store) -> Incident:
    """Three windows: a page and a ticket in the first, and one more page in the last."""
    with store.write() as conn:
        for number, window in enumerate(done(conn, 3)):
            said = [verdict("temp", number, VerdictKind.BREACH if number == 0 else VerdictKind.CLEAR)]
            said.append(
                verdict("rain", number, VerdictKind.CLEAR if number else VerdictKind.BREACH, Severity.TICKET)
            )
            said.append(verdict("wind", number, VerdictKind.BREACH if number == 2 else VerdictKind.CLEAR))
            fold(conn, window, *said)
        return next(each for each in incidents.open_incidents(conn, "m") if each.series.column == "temp")


def marked(store: Store, page: Incident) -> Incident:
    with store.write() as conn:
        return incidents.mark_false_page(conn, page.id, by="ada", now=T0 + 5 * DAY)


def test_a_mark_lasts_and_has_an_event(store: Store, other: Store, page: Incident) -> None:
    """Another process reads who said it, when, and that nothing else changed."""
    marked(store, page)
    with other.read() as conn:
        after = incidents.get(conn, page.id)
        assert after is not None
        assert (after.false_page_by, after.status, after.version) == ("ada", page.status, page.version + 1)
        event = incidents.events(conn, page.id)[-1]
        assert (event.kind, event.actor, event.at) == ("marked_false_page", "ada", T0 + 5 * DAY)
        (record,) = history.incident_list(conn, Filter(column="temp"))
        assert record["false_page_by"] == "ada"


def test_marking_twice_is_marking_once(store: Store, page: Incident) -> None:
    """The first who says so is kept, and there is one event."""
    marked(store, page)
    with store.write() as conn:
        after = incidents.mark_false_page(conn, page.id, by="bob", now=T0 + 6 * DAY)
        assert after.false_page_by == "ada"
        kinds = [event.kind for event in incidents.events(conn, page.id)]
    assert kinds.count("marked_false_page") == 1


def test_a_mark_can_be_taken_back(store: Store, page: Incident) -> None:
    """With an event of its own; a second time there is nothing to take back."""
    marked(store, page)
    with store.write() as conn:
        assert incidents.unmark_false_page(conn, page.id, by="bob", now=T0 + 6 * DAY).false_page_by == ""
        last = incidents.events(conn, page.id)[-1]
        assert (last.kind, last.actor) == ("unmarked_false_page", "bob")
        with pytest.raises(ValueError, match="is not marked as a false page"):
            incidents.unmark_false_page(conn, page.id, by="bob", now=T0 + 6 * DAY)


def test_only_pages_can_be_false_ones(store: Store, page: Incident) -> None:
    """A ticket woke nobody; an unknown incident is named."""
    with store.write() as conn:
        folded = [each for each in incidents.open_incidents(conn, "m") if each.severity is Severity.TICKET]
        assert folded
        for each in folded:
            with pytest.raises(ValueError, match="cannot be a false page, it is a ticket"):
                incidents.mark_false_page(conn, each.id, by="ada", now=T0)
        with pytest.raises(ValueError, match="not known"):
            incidents.mark_false_page(conn, "beef", by="ada", now=T0)
        with pytest.raises(ValueError, match="needs a name"):
            incidents.mark_false_page(conn, page.id, by="", now=T0)


def test_a_mark_outlives_the_fold(store: Store, page: Incident) -> None:
    """The series goes on, resolves and opens again: what a person said of its page stays."""
    marked(store, page)
    with store.write() as conn:
        plan(conn, 3, first=3)
        for number in range(3, 6):
            window = claim(conn)
            ledger.finish(conn, window.id, window.fence, now=T0, state=WindowState.DONE, rows=100)
            fold(conn, window, verdict("temp", number, VerdictKind.CLEAR))
        after = incidents.get(conn, page.id)
        assert after is not None
        assert not after.is_open
        assert after.false_page_by == "ada"


def test_counted_where_it_opened(store: Store, page: Incident) -> None:
    """Of all windows and pages; months later as well."""
    marked(store, page)
    with store.read() as conn:
        for now in (T0 + 5 * DAY, T0 + 99 * DAY):
            (seen,) = overview(conn, now)
            assert seen.ever == PagesSeen(windows=3, pages=2, marked_false=1)
            assert seen.pages == (2 if now < T0 + 30 * DAY else 0)

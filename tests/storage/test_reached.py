"""How far every model has come, in one question, is what is known of each by itself."""

from sqlalchemy import update

from storage import fold_order, ledger, profiles
from storage.engine import Store
from storage.ledger import Stream, WindowKind, WindowState
from storage.reached import Reached, reached
from storage.span import Span
from storage.tables import ledger as table
from tests.storage.samples import DAY, T0, claim, days, plan, profile

SPAN = Span(start=T0 - 30 * DAY, end=T0)


def test_of_every_model_with_a_reference_in_force(store: Store) -> None:
    """Planned and folded apart from each other, evaluated on demand, backfilled, never planned, retired."""
    with store.write() as conn:
        for model, span in (("a", SPAN), ("b", None), ("new", SPAN), ("on demand", SPAN)):
            profiles.promote(conn, profiles.save(conn, model, profile(), now=T0, span=span).id, T0)
        profiles.save(conn, "built only", profile(), now=T0, span=SPAN)
        plan(conn, 3, "a")
        plan(conn, 2, "a", WindowKind.BACKFILL, first=10)
        window = claim(conn)
        ledger.finish(conn, window.id, window.fence, now=T0, state=WindowState.DONE)
        fold_order.mark_folded(conn, window.id, T0)
        plan(conn, 1, "b")
        plan(conn, 1, "on demand", WindowKind.MANUAL, first=5)
        conn.execute(
            update(table).where(table.c.model == "on demand").values(folded_at=T0, state=WindowState.DONE)
        )
    with store.read() as conn:
        found = reached(conn)
        assert found == {
            "a": Reached(reference=SPAN, planned_until=T0 + 3 * DAY, folded=T0),
            "b": Reached(reference=None, planned_until=T0 + DAY, folded=None),
            "new": Reached(reference=SPAN, planned_until=None, folded=None),
            "on demand": Reached(reference=SPAN, planned_until=None, folded=days(1, 5)[0].start),
        }
        for model, each in found.items():
            assert each.planned_until == ledger.last_planned(conn, model, Stream.INPUTS)
            assert each.folded == fold_order.folded_until(conn, model, Stream.INPUTS)

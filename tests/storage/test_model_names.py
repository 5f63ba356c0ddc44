"""Names are found without reading the rows between them."""

from storage import model_names
from storage.engine import Store
from tests.storage.samples import plan


def test_every_name_once_in_order(store: Store) -> None:
    """However many rows each has, and whatever letters."""
    names = ["b", "a", "Z", "é", "m 1", "m"]
    with store.write() as conn:
        assert model_names.with_windows(conn) == []
        for name in names:
            plan(conn, 5, model=name)
        assert model_names.with_windows(conn) == sorted(names)
        assert model_names.known(conn) == sorted(names)

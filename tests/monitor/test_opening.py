"""Laws of coming up: the schema changes under the owner's lock alone."""

from pathlib import Path

import pytest

from monitor.clock import SteppedClock
from monitor.session import changing_session, daemon_session, writing_session
from monitor.terminal import Settings, Terminal
from storage.engine import open_store
from storage.errors import OwnedElsewhere
from storage.lock import OwnerLock
from storage.migrations import REVISIONS
from storage.migrations.upgrade import upgrade
from tests.acceptance.world import Shop, build_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop whose database a first version of Leeway made."""
    made = build_shop(tmp_path / "shop", days=1, broken=range(0))
    with open_store(f"sqlite:///{made.folder}/leeway.db") as store, store.write() as conn:
        upgrade(conn, REVISIONS[0])
    return made


def revision(shop: Shop) -> str | None:
    with open_store(f"sqlite:///{shop.folder}/leeway.db") as store:
        return store.revision()


def terminal(shop: Shop) -> Terminal:
    return Terminal(Settings(config=shop.config, quiet=True))


def test_a_second_daemon_upgrades_nothing(shop: Shop) -> None:
    """It exits 75 before it touches the schema that the first one works on."""
    with OwnerLock(shop.folder / "leeway.db"):
        with pytest.raises(OwnedElsewhere), daemon_session(terminal(shop), SteppedClock(shop.start)):
            pass
        assert revision(shop) == REVISIONS[0]


def test_a_daemon_upgrades_what_it_owns(shop: Shop) -> None:
    """Under its own lock."""
    with daemon_session(terminal(shop), SteppedClock(shop.start)) as session:
        assert session.runtime.store.revision() == REVISIONS[-1]


@pytest.mark.parametrize("session", [writing_session, changing_session])
def test_no_command_upgrades_beside_a_daemon(shop: Shop, session: object) -> None:
    """Neither one that works nor a person's short change."""
    assert callable(session)
    with OwnerLock(shop.folder / "leeway.db"):
        with pytest.raises(OwnedElsewhere), session(terminal(shop)):
            pass
        assert revision(shop) == REVISIONS[0]

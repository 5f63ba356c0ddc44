"""Laws of coming up: the schema changes under the owner's lock alone."""

from pathlib import Path

import pytest

from detectors._noise import NoiseModel
from monitor import build
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.session import changing_session, daemon_session, writing_session
from monitor.terminal import Settings, Terminal
from storage import profiles
from storage.engine import open_store
from storage.errors import OwnedElsewhere
from storage.lock import OwnerLock
from storage.migrations import REVISIONS
from storage.migrations.upgrade import upgrade
from tests.acceptance.fast import reconfigure
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


def test_what_is_kept_in_memory_counts_slices_as_well(tmp_path: Path) -> None:
    """With twenty of them they are most of a noise model: a bound that overlooks them is none."""
    sizes: list[tuple[int, int]] = []
    for name, segments in (("whole", ""), ("sliced", 'segments = ["country"]')):
        made = build_shop(tmp_path / name, days=0)
        reconfigure(made, {'score = "score"': f'score = "score"\n{segments}'})
        with open_runtime(load(made.config, members=build.check), SteppedClock(made.start)) as runtime:
            reference = build_reference(runtime, runtime.models["shop"]).reference
            with runtime.store.read() as conn:
                profile = profiles.load_profile(conn, reference.id)
                noise = profiles.load_noise(conn, reference.id)
            assert noise is not None
            model = NoiseModel.from_json(noise.content)
            runtime.profiles.get(1, lambda profile=profile: profile)  # type: ignore[misc]
            runtime.noises.get(1, lambda model=model: model)  # type: ignore[misc]
            sizes.append((runtime.profiles.size, runtime.noises.size))
    (profile_of_whole, noise_of_whole), (profile_of_sliced, noise_of_sliced) = sizes
    assert profile_of_sliced > profile_of_whole
    assert noise_of_sliced > 1.5 * noise_of_whole

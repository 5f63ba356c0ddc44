"""Laws of reading the config again while the daemon runs."""

from pathlib import Path

import pytest

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.reloading import reload
from tests.acceptance.fast import reconfigure
from tests.acceptance.world import build_shop


def test_a_source_whose_secret_changed_is_another_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of the config is the same; one that did not change keeps what it has looked at."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=1)
    files = 'kind = "parquet"\npath = "data/orders-*.parquet"'
    reconfigure(shop, {files: 'kind = "sql"\ntable = "orders"\nurl_env = "LEEWAY_TEST_ROWS"'})
    monkeypatch.setenv("LEEWAY_TEST_ROWS", "postgresql://reader:old@127.0.0.1:1/rows")
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start)) as runtime:
        same = reload(runtime, shop.config)
        assert same is not None
        assert same.runtime.models["shop"].source is runtime.models["shop"].source
        monkeypatch.setenv("LEEWAY_TEST_ROWS", "postgresql://reader:new@127.0.0.1:1/rows")
        fresh = reload(runtime, shop.config)
        assert fresh is not None
        assert getattr(fresh.runtime.models["shop"].source, "url").endswith("new@127.0.0.1:1/rows")  # noqa: B009

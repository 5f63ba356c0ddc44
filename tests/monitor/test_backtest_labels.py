"""Laws of judging history again where labels came late: the second stream is judged again as well."""

from datetime import UTC, datetime
from pathlib import Path

from monitor import build
from monitor.backtest import backtest
from monitor.config_file import load
from monitor.retold import Tally
from storage.engine import open_store
from tests.acceptance.fast import learn, live
from tests.acceptance.labelled import build_labelled_shop


def test_performance_comes_out_the_same(tmp_path: Path) -> None:
    """What labels said beside what the inputs of the same rows had said, to the bit."""
    shop = build_labelled_shop(tmp_path / "shop", days=10, wrong=range(3, 8), broken=range(5, 7))
    learn(shop)
    live(shop, 13)
    watched = build.build_models(load(shop.config, members=build.check)).models["shop"]
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store:
        found = backtest(
            store,
            watched,
            since=datetime(2026, 1, 1, tzinfo=UTC),
            until=datetime(2027, 1, 1, tzinfo=UTC),
        )
    assert isinstance(found.before, Tally)
    assert found.otherwise == ()
    assert found.alike == found.verdicts
    assert found.before == found.after
    assert {"__performance__", "__labels__"} & {each.one.series.column for each in found.incidents}

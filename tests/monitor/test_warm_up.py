"""Laws of the warm-up: one model of each make, and nothing is left to compile for any window."""

from pathlib import Path

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.warm_up import warm_up
from tests.acceptance.world import build_shop


def test_models_of_one_make_are_gone_through_once(tmp_path: Path) -> None:
    """Three alike, one without its categories, one that nothing was learnt of yet."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=1, broken=range(0))
    text = shop.config.read_text()
    head, model = text[: text.index("[models.shop]")], text[text.index("[models.shop]") :]
    names = ("shop", "alike", "numbers", "unborn", "also_alike")
    models = {name: model.replace("models.shop", f"models.{name}") for name in names}
    numbers = models["numbers"]
    assert "[models.numbers.columns]\n" in numbers
    models["numbers"] = numbers.replace(
        "[models.numbers.columns]\n", '[models.numbers.columns]\nexclude = ["country"]\n'
    )
    shop.config.write_text(head + "\n".join(models.values()))
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start)) as runtime:
        for name in names:
            if name != "unborn":
                build_reference(runtime, runtime.models[name])
        assert warm_up(runtime) == ["shop", "numbers"]

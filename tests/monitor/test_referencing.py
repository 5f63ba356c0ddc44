"""Laws of what a person is told before a reference is built."""

from pathlib import Path

import pytest

from monitor.config_file import parse
from monitor.reference_reading import unfiltered


def notices(
    *, production: str = "", reference: str = "", columns: tuple[str, ...] = ("model_name", "x")
) -> list[str]:
    text = f"""\
[models.m]
task = "binary"
source = {{ kind = "parquet", path = "x"{production} }}
reference = {{ source = {{ kind = "parquet", path = "r"{reference} }} }}
"""
    return unfiltered(parse(text, path=Path("leeway.toml")).models["m"], columns)


FILTER = ', filter = { model_name = "delays" }'


def test_a_filter_that_only_production_has_is_noticed() -> None:
    """Else another model's rows are part of what is normal, and nobody sees it."""
    (notice,) = notices(production=FILTER)
    assert "model_name = delays" in notice
    assert "reference.source" in notice


@pytest.mark.parametrize(
    "given",
    [{}, {"production": FILTER, "reference": FILTER}, {"production": FILTER, "columns": ("x",)}],
    ids=["no filter", "both", "a file of one model"],
)
def test_nothing_is_noticed_where_nothing_is_mixed(given: dict[str, object]) -> None:
    """No filter, the same on both sides, or a reference without that column."""
    assert notices(**given) == []  # type: ignore[arg-type]

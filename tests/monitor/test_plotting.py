"""Laws of the drawing: the same bytes, small, readable whatever the names are, and never in the daemon."""

import io
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from monitor import illustrating
from monitor.illustrating import PictureError
from monitor.picture import Course, Picture, Shares
from monitor.previewing import example_picture

LIMIT = 45_000  # bytes
PATIENCE_S = 120.0  # where all cores are busy with tests, a second of work takes many
HOSTILE = [
    "$x^2$",
    "$\\nosuch$",
    "a$b",
    "\\frac{1}{2}",
    "<!channel>",
    "大小 🔥",
    "x" * 400,
    "a\nb",
    "",
    "{model}",
    "%s %d",
]


def draw(picture: Picture) -> bytes:
    return illustrating.draw(picture, within_s=PATIENCE_S)


def size(png: bytes) -> tuple[int, int]:
    """Width and height, after every chunk's check sum was found right."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    rest, found = io.BytesIO(png[8:]), (0, 0)
    while head := rest.read(8):
        length, kind = struct.unpack(">I4s", head)
        content, (check,) = rest.read(length), struct.unpack(">I", rest.read(4))
        assert zlib.crc32(kind + content) == check
        assert kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"), "no text, no time, no name of a program"
        if kind == b"IHDR":
            found = struct.unpack(">II", content[:8])
    return found


def test_a_picture_is_small_and_as_wide_as_a_phone_needs() -> None:
    """Some 25 kB; nothing in it but pixels."""
    png = draw(example_picture())
    assert size(png) == (880, 484)
    assert len(png) < LIMIT


def test_the_same_picture_gives_the_same_bytes() -> None:
    """In another process, at another time."""
    assert draw(example_picture()) == draw(example_picture())


@pytest.mark.parametrize("side", ["shares", "course"])
def test_one_side_may_be_missing(side: str) -> None:
    """What is no column has no bins; for what is new nobody knows what is normal."""
    made = example_picture()
    alone = replace(made, shares=None) if side == "shares" else replace(made, course=None)
    assert size(draw(alone)) == (880, 484)


def test_nothing_is_cut_off_at_the_right() -> None:
    """Long labels leave the course little room: what it says of now is made to fit."""
    made = example_picture()
    assert made.course is not None
    assert made.shares is not None
    wide = replace(made.shares, labels=("1,235,000 to 2,346,000",) * len(made.shares.labels))
    million = 1_234_567.0
    course = replace(
        made.course,
        percent=False,
        values=tuple(million + i for i in range(len(made.course.values))),
        low=(million,) * len(made.course.low),
        high=(2.0 * million,) * len(made.course.high),
    )
    png = Image.open(io.BytesIO(draw(replace(made, shares=wide, course=course)))).convert("L")
    width, height = png.size
    assert png.crop((width - 3, 0, width, height)).getextrema()[0] >= 250, "ink at the edge"


def test_no_name_breaks_the_drawing() -> None:
    """T11: dollar signs are no formulas, letters that the font lacks are boxes, long names do not push."""
    shares = Shares(
        labels=tuple(HOSTILE), window=(0.1,) * len(HOSTILE), reference=(0.1,) * len(HOSTILE), windows=0
    )
    for name in HOSTILE:
        made = replace(example_picture(), heading=name, line=name, window=name, shares=shares)
        png = draw(replace(made, course=replace(_course(made), measure=name)))
        assert size(png) == (880, 484)
        assert len(png) < LIMIT


def _course(picture: Picture) -> Course:
    assert picture.course is not None
    return picture.course


@pytest.mark.parametrize("values", [(0.0, 0.0), (1e300, -1e300), (5.0, 5.0), (1e-12, 2e-12)])
@pytest.mark.parametrize("percent", [True, False])
def test_any_numbers_can_be_drawn(values: tuple[float, float], percent: bool) -> None:
    """Constant, huge and tiny ones, with open and unknown bands."""
    start = datetime(2013, 5, 1, tzinfo=UTC)
    course = Course(
        measure="m",
        percent=percent,
        starts=(start, start + timedelta(hours=1)),
        values=values,
        low=(None, None),
        high=(None, values[1]),
        breached=(False, True),
    )
    shares = Shares(labels=("a", "b"), window=(0.0, 1.0), reference=(1.0, 0.0))
    assert size(draw(replace(example_picture(), course=course, shares=shares))) == (880, 484)


def test_the_daemon_never_loads_what_draws() -> None:
    """40 MB that it would keep for good."""
    load = "import sys, monitor.daemon, monitor.illustrating"
    code = f"{load}; print('matplotlib' in sys.modules, 'PIL' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]


def library(folder: Path, code: str) -> Path:
    """A package of that name that stands before the real one."""
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib" / "__init__.py").write_text(code)
    return folder


def test_without_the_library_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message without a picture, never a lost one: who draws is told plainly."""
    gone = library(tmp_path, "raise ModuleNotFoundError(\"No module named 'matplotlib'\")")
    monkeypatch.setenv("PYTHONPATH", str(gone))
    with pytest.raises(
        PictureError, match="matplotlib is not installed; install it, or set pictures = false"
    ):
        draw(example_picture())


def test_what_draws_is_told_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T24: the daemon's environment holds tokens; the child gets one of its own."""
    spy = library(tmp_path, f"import os; open({str(tmp_path / 'env')!r}, 'w').write(str(dict(os.environ)))")
    monkeypatch.setenv("PYTHONPATH", str(spy))
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-CANARY")
    with pytest.raises(PictureError):
        draw(example_picture())
    seen = (tmp_path / "env").read_text()
    assert "MPLCONFIGDIR" in seen
    assert "CANARY" not in seen


def test_a_drawing_that_crashes_costs_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead child is an error with a reason, not an end of the daemon."""
    monkeypatch.setenv("PYTHONPATH", str(library(tmp_path, "import os; os.abort()")))
    with pytest.raises(PictureError, match="drawing ended with -6"):
        draw(example_picture())


def test_a_drawing_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not hold the courier beyond its lease."""
    monkeypatch.setenv("PYTHONPATH", str(library(tmp_path, "import time; time.sleep(60)")))
    with pytest.raises(PictureError, match=r"did not end within 0\.5 s"):
        illustrating.draw(example_picture(), within_s=0.5)

"""How does a message get its picture, without the daemon ever holding what draws it?

matplotlib lives in a child process that ends with its picture: the daemon stays as large as it was, and a
drawing that hangs or crashes costs a picture and nothing else. The child gets no secret: an environment of
its own, and on its standard input only what is to be seen.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from alerting.notification import Notification
from monitor.logs import logger
from monitor.picture import Picture
from monitor.picturing import picture_of
from monitor.runtime import Runtime
from storage import incidents

# One takes a second; the first on a machine builds a list of fonts. With the three steps of an upload it must
# end within the courier's lease.
WITHIN_S = 25.0
LIMIT = 200_000  # bytes; they have some 25,000
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PROGRAM = (sys.executable, "-m", "monitor.plotting")


class PictureError(Exception):
    """No picture, and why: "matplotlib is not installed"."""


def picture_for(runtime: Runtime, notification: Notification) -> bytes | None:
    """The PNG that belongs to a post; None, with a line in the log, where there is none.

    What is read is what is stored when it is drawn: the window that the words are about, or a newer one.
    """
    model = runtime.config.models.get(str(notification.facts.get("model")))
    lines = notification.facts.get("lines")
    ids = [str(line["incident_id"]) for line in lines] if isinstance(lines, list) else []
    if model is None or not ids:
        return None
    with runtime.store.read() as conn:
        (about,) = incidents.by_ids(conn, ids[:1]) or (None,)
        picture = None if about is None else picture_of(conn, about, model.window.spec)
    if picture is None:
        return None
    try:
        return draw(picture)
    except PictureError as error:
        logger().warning("picture.failed", channel=notification.channel, reason=str(error))
        return None


def draw(picture: Picture, *, within_s: float = WITHIN_S) -> bytes:
    """The same picture gives the same bytes. Raises PictureError."""
    with tempfile.TemporaryDirectory(prefix="leeway-") as fallback:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {"MPLCONFIGDIR": str(_cache() or fallback), "MPLBACKEND": "Agg"}
        try:
            done = subprocess.run(  # noqa: S603 - our own program, and nothing of the picture on its command line
                _PROGRAM,
                input=json.dumps(picture.to_json()).encode(),
                capture_output=True,
                timeout=within_s,
                env=environment,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PictureError(f"drawing did not end within {within_s:g} s, or never began") from error
    if done.returncode == 0 and 0 < len(done.stdout) <= LIMIT:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if "ModuleNotFoundError" in said:
        raise PictureError("matplotlib is not installed; install it, or set pictures = false on the channel")
    raise PictureError(f"drawing ended with {done.returncode}: {said[:200]}")


def _cache() -> Path | None:
    """Where the list of fonts is kept: beside the compiled kernels, where the service may write."""
    kernels = os.environ.get("NUMBA_CACHE_DIR")
    return Path(kernels).parent / "matplotlib" if kernels else None

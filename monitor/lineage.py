"""What did a window come of: which data and model version, reference, rules and program?"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from monitor.appearances import MODEL_VERSION
from storage.due_window import DueWindow
from storage.profiles import Reference

RUN = "run_id"  # in a reference's lineage: the training run that made the model and its data
DATA = "data_version"
VERSIONS = "model_versions"
MOST_FILES = 20  # named with their digests; the digest of all of them covers the others
_CHUNK = 1024 * 1024
_LABELS = {
    VERSIONS: "model",
    DATA: "data",
    "reference_version": "reference",
    RUN: "run",
    "config_digest": "config",
    "program": "program",
}


@cache
def program() -> str:
    """This program, as it is written down with what it did."""
    return f"leeway-monitor {version('leeway-monitor')}"


def lineage_of(window: DueWindow, reference: Reference | None) -> dict[str, object]:
    """JSON. What is not known is left out."""
    seen = (window.evidence or {}).get("versions")
    own = reference.lineage.get(MODEL_VERSION) if reference else None
    found: dict[str, object] = {
        VERSIONS: sorted(map(str, seen)) if isinstance(seen, Mapping) else [own] if own else None,
        DATA: window.data_version,
        "reference_version": reference.version if reference else None,
        "profile_digest": reference.digest if reference else None,
        RUN: reference.lineage.get(RUN) if reference else None,
        "config_digest": window.config_digest,
        "program": window.program,
    }
    return {name: value for name, value in found.items() if value}


def data_facts(files: Sequence[str], data_version: str) -> dict[str, object]:
    """For a reference's lineage: its files by their contents; else what its source says of them."""
    if not files:
        return {DATA: data_version} if data_version else {}
    digests = [(Path(name), _sha256(Path(name))) for name in files]
    every = hashlib.sha256("".join(sorted(digest for _, digest in digests)).encode()).hexdigest()
    return {
        DATA: f"{_many(len(files))}, sha256 {every[:12]}",
        "files": [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}
            for path, digest in digests[:MOST_FILES]
        ],
    }


def lineage_lines(lineage: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """(what, which) for a person; digests as long as people compare them."""
    for name, label in _LABELS.items():
        value = lineage.get(name)
        if not value:
            continue
        if name == "reference_version":
            digest = str(lineage.get("profile_digest") or "")[:12]
            yield label, f"v{value}" + (f", profile {digest}" if digest else "")
        elif name == VERSIONS and isinstance(value, Iterable):
            yield label, "version " + ", ".join(map(str, value))
        else:
            yield label, str(value)[:12] if name == "config_digest" else str(value)


def _many(files: int) -> str:
    return "1 file" if files == 1 else f"{files:,} files"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

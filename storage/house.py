"""Does the ground the database stands on hold? SQLite's version, and the file system.

What is found is no fault of the database's, so a daemon starts all the same, and says it.
"""

import sqlite3
from pathlib import Path

Version = tuple[int, int, int]

# sqlite.org/wal.html, "The WAL-Reset Bug": two connections that write or checkpoint at the same instant may
# lose a committed transaction. In every version since WAL came, but for these.
WAL_BEGAN: Version = (3, 7, 0)
WAL_MENDED: Version = (3, 51, 3)
MENDED_BRANCHES: tuple[Version, ...] = ((3, 50, 7), (3, 44, 6))
# Locks on these are not to be relied on, and WAL needs shared memory (sqlite.org/wal.html, "Disadvantages").
NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"),
        *("lustre", "afs", "ncpfs", "beegfs", "gpfs", "ocfs2", "fuse.s3fs", "fuse.rclone", "virtiofs"),
    )
)


def findings(database: Path) -> list[str]:
    """What to know about this place, each with its remedy; empty when it is sound."""
    found = []
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        found.append(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug: in a rare race of two writers a "
            "committed transaction may be lost; one daemon writes, so only commands beside it can race: use "
            "a Python with SQLite 3.51.3, 3.50.7 or 3.44.6"
        )
    kind = file_system(database)
    if kind in NETWORK:
        found.append(
            f"{database} is on a network file system ({kind}): neither SQLite's locks nor the owner's hold "
            "there; move it to a local disk"
        )
    return found


def has_wal_reset_bug(version: Version) -> bool:
    """Whether this SQLite may lose a commit when two processes write."""
    mended = any(version[:2] == branch[:2] and version >= branch for branch in MENDED_BRANCHES)
    return WAL_BEGAN <= version < WAL_MENDED and not mended


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system a path is on, as the kernel calls it; empty where nobody says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        # 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw (proc_pid_mountinfo(5))
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        place = fields[4].replace("\\040", " ")
        if len(place) >= len(best) and _is_under(path.resolve(), place):
            best, kind = place, after.split()[0]
    return kind


def _is_under(path: Path, place: str) -> bool:
    return str(path) == place or str(path).startswith(place.rstrip("/") + "/")

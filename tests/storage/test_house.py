"""Which SQLite and which file system does the daemon warn about (T37)?"""

from pathlib import Path

import pytest

from storage.house import Version, file_system, has_wal_reset_bug


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 6, 23), False),  # before WAL
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 44, 9), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_the_range_of_the_wal_reset_bug(version: Version, expected: bool) -> None:
    """3.7.0 to 3.51.2, mended in 3.51.3, 3.50.7 and 3.44.6."""
    assert has_wal_reset_bug(version) is expected


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/root rw
40 22 0:41 / /mnt/share rw,relatime shared:20 - nfs4 server:/export rw,vers=4.2
41 40 8:2 / /mnt/share/local rw - xfs /dev/sdb1 rw
42 22 0:50 / /mnt/my\\040disk rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/leeway/leeway.db", "ext4"),
        ("/mnt/share/leeway.db", "nfs4"),
        ("/mnt/share/local/leeway.db", "xfs"),
        ("/mnt/shared/leeway.db", "ext4"),  # another folder
        ("/mnt/my disk/leeway.db", "cifs"),
    ],
)
def test_the_innermost_mount_counts(path: str, kind: str, tmp_path: Path) -> None:
    """As the kernel tells it in mountinfo."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert file_system(Path(path), mounts) == kind


def test_where_nobody_says_nothing_is_known(tmp_path: Path) -> None:
    """No kernel that tells: no warning that is made up."""
    assert file_system(tmp_path, tmp_path / "none") == ""

"""What does every source made of files answer? Whatever its files are, `Files` reads them."""

from collections.abc import Collection, Mapping
from datetime import datetime

from detectors import Profile
from detectors._column import Kind
from detectors._count import Extras
from monitor.counting import Counted
from monitor.source import ColumnKind, Fingerprint, Window
from monitor.sources._scan import Files
from monitor.sources._stripes import count_stripes
from storage.span import Span


class FileSource:
    """Of a member that makes its `_files` (monitor/source.py says what each method is for)."""

    __slots__ = ()
    _files: Files

    def watermark(self) -> datetime | None:
        return self._files.watermark()

    def fingerprint(self, span: Span) -> Fingerprint:
        return self._files.fingerprint(span)

    def schema(self) -> Mapping[str, ColumnKind]:
        return self._files.schema()

    def count(self, profile: Profile, span: Span | None, extras: Extras) -> Counted | None:
        """By columns, where that is less to hold; None: whole rows are as good."""
        return count_stripes(self._files, profile, span, extras)

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        return self._files.pull(span, wanted, moments)

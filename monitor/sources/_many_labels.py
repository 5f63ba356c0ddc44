"""How is a column of very many labels counted? By a GROUP BY of polars, in a pass of its own.

A dictionary of a hundred thousand labels is another one in each row group, and grows from batch to batch: a
label looked up in each batch takes ten times as long as once in a million rows.
"""

from collections.abc import Collection

import polars as pl

from alerting.failpoint import hit
from detectors import Kind, Profile, WindowSummary
from detectors._column_profile import CategoryProfile, wrong_kind
from detectors._label_counts import count_by_label, count_by_text
from monitor.sources._arrow import texts
from monitor.sources._row_groups import RowGroups

MANY = 10_000  # distinct labels of the reference
# Of a file at a time, or one row group: each may have a label of its own, and all are held, some four times.
ROWS = 1 << 20
BYTES = 1 << 25
_LABELS = 1 << 16  # of an answer at a time, for each may be an object of Python's


def of_many_labels(profile: Profile, names: Collection[str], joined: Collection[str] | None) -> list[str]:
    """Those of the columns that have many in the reference, and that nobody looks at together with others."""
    if joined is None:
        return []
    columns = {name: profile.columns.get(name) for name in names if name not in joined}
    return [
        name
        for name, column in columns.items()
        if isinstance(column, CategoryProfile) and column.distinct >= MANY
    ]


def count_many_labels(groups: RowGroups, name: str, profile: Profile) -> WindowSummary:
    """One column of one file, which holds it; the rows are counted elsewhere. Within `groups.guarded`."""
    column = profile.columns[name]
    if not isinstance(column, CategoryProfile):
        raise wrong_kind(column)
    rows, file = groups.files.rows, groups.file
    found, whole = count_by_label(column, {}, 0), groups.is_whole(name)
    for start, size in groups.parts(name, ROWS, BYTES):
        part = rows.open(file.name).slice(start, size)
        if whole:  # no row's time has to be read
            frame, names = part.select(pl.selectors.by_name(name).alias("label")), {name: "label"}
        else:
            frame, names = rows.selected(
                file.name, file.schema, file.sample, {name: None}, groups.span, frame=part
            )
        label = rows.expressions(file, {name: Kind.CATEGORY}, names)[name]
        rows_of = frame.group_by(label.alias("label")).agg(pl.len().alias("rows"))
        answer = rows_of.collect(engine="streaming")
        hit("mid_source_read")
        for some in answer.iter_slices(_LABELS):
            missing = some.filter(pl.col("label").is_null())["rows"].sum()
            known = some.filter(pl.col("label").is_not_null())
            counts = known["rows"].cast(pl.Int64).to_numpy()
            found = found + count_by_text(column, texts(known["label"]), counts, int(missing))
    return WindowSummary(rows=0, columns={name: found}, profile_digest=profile.digest)

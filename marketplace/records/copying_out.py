"""Every row of a database of PostgreSQL into an empty one of SQLite: the form in which a backup carries a site of either kind.

The way back is `copying.copy_rows`. JSON goes as the text that the server holds: what its values are written like stays as it was.
"""

from __future__ import annotations

from sqlalchemy import JSON, Connection, Select, Table, Text, cast, column, insert, select, table

from marketplace.records.copying import BATCH, Progress, count_rows
from marketplace.records.tables import metadata


def copy_rows_out(source: Connection, target: Connection, *, progress: Progress = lambda done, total: None) -> dict[str, int]:
    """Copy all tables, parents first; how many rows each has. Both connections are in a transaction; none is ended here."""
    counts = {one.name: count_rows(source, one) for one in metadata.sorted_tables}
    total, done = sum(counts.values()), 0
    for one in metadata.sorted_tables:
        # As SQLite takes them: every value by its own type, JSON as a text.
        plain = table(one.name, *(column(its.name, Text() if isinstance(its.type, JSON) else its.type) for its in one.columns))
        with source.execution_options(yield_per=BATCH).execute(_rows(one)) as rows:
            for batch in rows.partitions():
                target.execute(insert(plain), [dict(row._mapping) for row in batch])
                done += len(batch)
                progress(done, total)
    return counts


def _rows(one: Table) -> Select[tuple[object, ...]]:
    columns = [cast(its, Text).label(its.name) if isinstance(its.type, JSON) else its for its in one.columns]
    return select(*columns).order_by(*one.primary_key)

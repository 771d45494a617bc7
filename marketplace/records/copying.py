"""Every row of one database into an empty one of PostgreSQL, as it stands: no value is read and written anew by us.

Rows travel as SQLite holds them, batch by batch, through COPY: a JSON text keeps its every character, so that the hash
chain of the history still holds, and a hundred thousand embeddings never stand in memory together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, select, text

from marketplace.records.tables import metadata

BATCH = 500
Progress = Callable[[int, int], None]


class CopyError(Exception):
    """A table that the target does not take, and what it says."""

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(f"{table}：{reason}")
        self.table, self.reason = table, reason


@dataclass(frozen=True)
class Counted:
    """How many rows of a table the source has and the target got."""

    table: str
    source: int
    target: int


def find_filled_tables(connection: Connection) -> list[str]:
    """The tables that hold anything."""
    return [table.name for table in metadata.sorted_tables if connection.scalar(select(text("1")).select_from(table).limit(1))]


def copy_rows(source: Connection, target: Connection, *, progress: Progress = lambda done, total: None) -> tuple[Counted, ...]:
    """Copy all tables, parents first, and set the sequences right. Both connections are in a transaction; none is ended here.

    Raises CopyError; then the target's transaction is of no use any more.
    """
    wanted = {table.name: count_rows(source, table) for table in metadata.sorted_tables}
    total, done = sum(wanted.values()), 0
    for table in metadata.sorted_tables:
        for count in _copy(source, target, table):
            done += count
            progress(done, total)
        _set_sequence(target, table)
    return tuple(Counted(name, count, count_rows(target, metadata.tables[name])) for name, count in wanted.items())


def count_rows(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _copy(source: Connection, target: Connection, table: Table) -> Iterator[int]:
    """Copy one table; yields the size of every batch."""
    import psycopg

    names, order = ", ".join(f'"{column.name}"' for column in table.columns), ", ".join(f'"{key.name}"' for key in table.primary_key)
    driver: psycopg.Connection[Any] = target.connection.driver_connection  # type: ignore[assignment]
    rows = source.exec_driver_sql(f'SELECT {names} FROM "{table.name}" ORDER BY {order}')
    try:
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for batch in rows.partitions(BATCH):
                for row in batch:
                    copy.write_row(tuple(row))
                yield len(batch)
    except psycopg.Error as error:
        raise CopyError(table.name, str(error).partition("\n")[0]) from error
    finally:
        rows.close()


def _set_sequence(target: Connection, table: Table) -> None:
    """The next id comes after the highest one copied."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = target.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    highest = target.scalar(select(func.max(column)))
    if sequence is not None and highest is not None:
        target.execute(select(func.setval(sequence, highest)))

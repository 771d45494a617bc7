"""Migrations give exactly the tables of the models, forwards and backwards, on a database that holds something."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import marketplace.records
from marketplace.actions.imports import import_path
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.history import find_broken_link
from marketplace.records.tables import metadata
from tests.conftest import DEMO, NOW


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(marketplace.records.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    return config


def test_migrations_give_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []


def test_down_and_up_again_on_a_filled_database(database: Database, pilot: Pilot) -> None:
    report = import_path(database, pilot, DEMO, actor="test", at=NOW, source="demo")
    assert report.written
    with database.engine.connect() as connection:
        command.downgrade(_config(connection), "base")
        connection.commit()
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    database.migrate()
    assert database.revision() is not None
    again = import_path(database, pilot, DEMO, actor="test", at=NOW, source="demo")
    assert {noun: counts.new for noun, counts in again.counts.items()} == {noun: counts.new for noun, counts in report.counts.items()}


def test_migrating_twice_changes_nothing(database: Database, pilot: Pilot) -> None:
    import_path(database, pilot, DEMO / "enterprises.jsonl", actor="test", at=NOW)
    before = database.revision()
    database.migrate()
    assert database.revision() == before
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM enterprises")) == 36
        assert find_broken_link(session) is None

"""Write the migration that brings the newest schema to the models: `python tools/new_migration.py "what changed"`."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from marketplace.records.database import Database

MIGRATIONS = Path(__file__).parents[1] / "marketplace" / "records" / "migrations"


def main(message: str) -> None:
    """Migrate an empty database, compare it with the models, write the difference under the next number."""
    number = f"{len(list((MIGRATIONS / 'versions').glob('[0-9]*.py'))) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        database.migrate()
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with database.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message=message, autogenerate=True, rev_id=number)
        database.close()
    written = next((MIGRATIONS / "versions").glob(f"{number}_*.py"))
    text = written.read_text(encoding="utf-8")
    # A migration must not change with the models: it names the type in the database, not ours.
    text = text.replace("marketplace.records.columns.UtcDateTime()", "sa.DateTime()")
    # To make a table anew would break what refers to it; SQLite adds and drops columns in place.
    written.write_text(text.replace("schema=None)", "schema=None, recreate='never')"), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

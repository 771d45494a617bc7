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


if __name__ == "__main__":
    main(sys.argv[1])

"""when a person last logged in, when one was erased; versions of the pilot data"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("accounts", recreate="never") as table:
        table.add_column(sa.Column("last_login", sa.DateTime(), nullable=True))
        table.add_column(sa.Column("erased_at", sa.DateTime(), nullable=True))
    # What the history knows: an index of the verbs leads to it.
    op.execute(
        "UPDATE accounts SET last_login = "
        "(SELECT max(at) FROM history WHERE verb = 'log_in' AND noun = 'account' AND noun_id = accounts.id)"
    )
    op.create_table(
        "pilot_versions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("program", sa.String(length=32), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pilot_versions")),
    )


def downgrade() -> None:
    op.drop_table("pilot_versions")
    with op.batch_alter_table("accounts", recreate="never") as table:
        table.drop_column("erased_at")
        table.drop_column("last_login")

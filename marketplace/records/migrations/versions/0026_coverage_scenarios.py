"""which scenario an open problem was counted under: supply and demand can be asked for by park"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("problem_coverages", recreate="never") as table:
        table.add_column(sa.Column("scenario_code", sa.String(length=32), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("problem_coverages", recreate="never") as table:
        table.drop_column("scenario_code")

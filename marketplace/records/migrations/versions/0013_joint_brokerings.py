"""one need of several enterprises, brokered together"""

import sqlalchemy as sa
from alembic import op


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    with op.batch_alter_table('brokerings', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('joint', sa.String(length=36), nullable=False, server_default=''))
        batch_op.create_index(batch_op.f('ix_brokerings_joint'), ['joint'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('brokerings', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_brokerings_joint'))
        batch_op.drop_column('joint')

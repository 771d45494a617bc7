"""saved searches, shortlists and alerts"""

import sqlalchemy as sa
from alembic import op


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_FREQUENCY = sa.Enum('never', 'daily', 'weekly', name='frequency', native_enum=False, length=32)


def upgrade() -> None:
    op.create_table('saved_searches',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('public_id', sa.String(length=36), nullable=False),
    sa.Column('account_id', _KEY, nullable=False),
    sa.Column('title', sa.String(length=100), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('frequency', _FREQUENCY, nullable=False),
    sa.Column('known', sa.JSON(), nullable=False),
    sa.Column('looked', sa.Date(), nullable=True),
    sa.Column('fresh', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_saved_searches_account_id_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_searches')),
    sa.UniqueConstraint('public_id', name=op.f('uq_saved_searches_public_id'))
    )
    with op.batch_alter_table('saved_searches', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_saved_searches_account_id'), ['account_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_saved_searches_frequency'), ['frequency'], unique=False)

    op.create_table('shortlist_items',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('account_id', _KEY, nullable=False),
    sa.Column('solution_id', _KEY, nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_shortlist_items_account_id_accounts')),
    sa.ForeignKeyConstraint(['solution_id'], ['solutions.id'], name=op.f('fk_shortlist_items_solution_id_solutions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shortlist_items')),
    sa.UniqueConstraint('account_id', 'solution_id', name=op.f('uq_shortlist_items_account_id_solution_id'))
    )
    with op.batch_alter_table('shortlist_items', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_shortlist_items_solution_id'), ['solution_id'], unique=False)

    op.create_table('demand_alerts',
    sa.Column('provider_id', _KEY, autoincrement=False, nullable=False),
    sa.Column('strength', sa.Integer(), nullable=False),
    sa.Column('frequency', _FREQUENCY, nullable=False),
    sa.Column('known', sa.JSON(), nullable=False),
    sa.Column('looked', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['provider_id'], ['providers.id'], name=op.f('fk_demand_alerts_provider_id_providers')),
    sa.PrimaryKeyConstraint('provider_id', name=op.f('pk_demand_alerts'))
    )
    op.create_table('demand_mutes',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('provider_id', _KEY, nullable=False),
    sa.Column('sector', sa.String(length=32), nullable=False),
    sa.Column('stage', sa.String(length=32), nullable=False),
    sa.Column('scenario_code', sa.String(length=32), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['provider_id'], ['providers.id'], name=op.f('fk_demand_mutes_provider_id_providers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demand_mutes')),
    sa.UniqueConstraint('provider_id', 'sector', 'stage', 'scenario_code', name=op.f('uq_demand_mutes_provider_id_sector_stage_scenario_code'))
    )


def downgrade() -> None:
    op.drop_table('demand_mutes')
    op.drop_table('demand_alerts')
    with op.batch_alter_table('shortlist_items', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_shortlist_items_solution_id'))

    op.drop_table('shortlist_items')
    with op.batch_alter_table('saved_searches', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_saved_searches_frequency'))
        batch_op.drop_index(batch_op.f('ix_saved_searches_account_id'))

    op.drop_table('saved_searches')

"""what happened to matches, and the rankers that learnt from it"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('match_events',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('kind', sa.Enum('shown', 'opened', 'sent', 'accepted', 'declined', 'lapsed', 'awarded', 'not_chosen', 'finished', name='matcheventkind', native_enum=False, length=32), nullable=False),
    sa.Column('problem_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('solution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('provider_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('introduction_id', sa.Integer(), nullable=True),
    sa.Column('side', sa.String(length=16), nullable=False),
    sa.Column('position', sa.Integer(), nullable=True),
    sa.Column('model', sa.String(length=64), nullable=False),
    sa.Column('features', sa.JSON(), nullable=True),
    sa.Column('place', sa.String(length=16), nullable=False),
    sa.Column('value', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['problem_id'], ['problems.id'], name=op.f('fk_match_events_problem_id_problems')),
    sa.ForeignKeyConstraint(['provider_id'], ['providers.id'], name=op.f('fk_match_events_provider_id_providers')),
    sa.ForeignKeyConstraint(['solution_id'], ['solutions.id'], name=op.f('fk_match_events_solution_id_solutions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_match_events'))
    )
    with op.batch_alter_table('match_events', schema=None, recreate='never') as batch_op:
        batch_op.create_index('ix_match_events_at', ['at', 'id'], unique=False)
        batch_op.create_index('ix_match_events_pair', ['problem_id', 'solution_id', 'kind'], unique=False)
        batch_op.create_index(batch_op.f('ix_match_events_provider_id'), ['provider_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_match_events_solution_id'), ['solution_id'], unique=False)

    op.create_table('rankers',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('version', sa.String(length=64), nullable=False),
    sa.Column('state', sa.Enum('kept', 'in_use', 'refused', 'rolled_back', name='rankerstate', native_enum=False, length=32), nullable=False),
    sa.Column('made', sa.DateTime(), nullable=False),
    sa.Column('made_by', sa.String(length=100), nullable=False),
    sa.Column('moved', sa.DateTime(), nullable=False),
    sa.Column('moved_by', sa.String(length=100), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('metrics', sa.JSON(), nullable=False),
    sa.Column('card', sa.Text(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('instead_of', sa.String(length=64), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rankers')),
    sa.UniqueConstraint('version', name=op.f('uq_rankers_version'))
    )
    with op.batch_alter_table('rankers', schema=None, recreate='never') as batch_op:
        batch_op.create_index('uq_rankers_in_use', ['state'], unique=True, sqlite_where=sa.text("state = 'in_use'"), postgresql_where=sa.text("state = 'in_use'"))


def downgrade() -> None:
    with op.batch_alter_table('rankers', schema=None, recreate='never') as batch_op:
        batch_op.drop_index('uq_rankers_in_use', sqlite_where=sa.text("state = 'in_use'"), postgresql_where=sa.text("state = 'in_use'"))

    op.drop_table('rankers')
    with op.batch_alter_table('match_events', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_match_events_solution_id'))
        batch_op.drop_index(batch_op.f('ix_match_events_provider_id'))
        batch_op.drop_index('ix_match_events_pair')
        batch_op.drop_index('ix_match_events_at')

    op.drop_table('match_events')

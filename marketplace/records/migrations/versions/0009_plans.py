"""plans as they are issued"""

import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('plan_emphases',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('enterprise_id', _KEY, nullable=False),
    sa.Column('price', sa.Integer(), nullable=False),
    sa.Column('speed', sa.Integer(), nullable=False),
    sa.Column('local', sa.Integer(), nullable=False),
    sa.Column('record', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprises.id'], name=op.f('fk_plan_emphases_enterprise_id_enterprises')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_emphases')),
    sa.UniqueConstraint('enterprise_id', name=op.f('uq_plan_emphases_enterprise_id'))
    )
    op.create_table('plans',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('public_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('enterprise_id', _KEY, nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('state', sa.Enum('issued', 'confirmed', 'returned', 'superseded', name='planstate', native_enum=False, length=32), nullable=False),
    sa.Column('officer_id', _KEY, nullable=True),
    sa.Column('follow_up', sa.Date(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('model', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprises.id'], name=op.f('fk_plans_enterprise_id_enterprises')),
    sa.ForeignKeyConstraint(['officer_id'], ['accounts.id'], name=op.f('fk_plans_officer_id_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plans')),
    sa.UniqueConstraint('enterprise_id', 'version', name=op.f('uq_plans_enterprise_id_version')),
    sa.UniqueConstraint('number', name=op.f('uq_plans_number')),
    sa.UniqueConstraint('public_id', name=op.f('uq_plans_public_id'))
    )
    with op.batch_alter_table('plans', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_plans_state'), ['state'], unique=False)

    op.create_table('plan_choices',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('problem_id', _KEY, nullable=False),
    sa.Column('solution_id', _KEY, nullable=False),
    sa.Column('kind', sa.Enum('pinned', 'excluded', 'added', name='choicekind', native_enum=False, length=32), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('account_id', _KEY, nullable=True),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_plan_choices_account_id_accounts')),
    sa.ForeignKeyConstraint(['problem_id'], ['problems.id'], name=op.f('fk_plan_choices_problem_id_problems')),
    sa.ForeignKeyConstraint(['solution_id'], ['solutions.id'], name=op.f('fk_plan_choices_solution_id_solutions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan_choices')),
    sa.UniqueConstraint('problem_id', 'solution_id', name=op.f('uq_plan_choices_problem_id_solution_id'))
    )
    with op.batch_alter_table('plan_choices', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_plan_choices_solution_id'), ['solution_id'], unique=False)

    op.create_table('coverage_cells',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('sector', sa.String(length=32), nullable=False),
    sa.Column('scenario_code', sa.String(length=32), nullable=False),
    sa.Column('problems', sa.Integer(), nullable=False),
    sa.Column('unserved', sa.Integer(), nullable=False),
    sa.Column('thin', sa.Integer(), nullable=False),
    sa.Column('solutions', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coverage_cells')),
    sa.UniqueConstraint('sector', 'scenario_code', name=op.f('uq_coverage_cells_sector_scenario_code'))
    )
    op.create_table('problem_coverages',
    sa.Column('problem_id', _KEY, autoincrement=False, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('strength', sa.Integer(), nullable=False),
    sa.Column('takers', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['problem_id'], ['problems.id'], name=op.f('fk_problem_coverages_problem_id_problems')),
    sa.PrimaryKeyConstraint('problem_id', name=op.f('pk_problem_coverages'))
    )
    with op.batch_alter_table('problem_coverages', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_problem_coverages_strength'), ['strength'], unique=False)

    op.create_table('demand_matches',
    sa.Column('provider_id', _KEY, autoincrement=False, nullable=False),
    sa.Column('problem_id', _KEY, autoincrement=False, nullable=False),
    sa.Column('strength', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['problem_id'], ['problems.id'], name=op.f('fk_demand_matches_problem_id_problems')),
    sa.ForeignKeyConstraint(['provider_id'], ['providers.id'], name=op.f('fk_demand_matches_provider_id_providers')),
    sa.PrimaryKeyConstraint('provider_id', 'problem_id', name=op.f('pk_demand_matches'))
    )
    op.create_table('solution_demands',
    sa.Column('solution_id', _KEY, autoincrement=False, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('problems', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['solution_id'], ['solutions.id'], name=op.f('fk_solution_demands_solution_id_solutions')),
    sa.PrimaryKeyConstraint('solution_id', name=op.f('pk_solution_demands'))
    )


def downgrade() -> None:
    op.drop_table('solution_demands')
    op.drop_table('demand_matches')
    with op.batch_alter_table('problem_coverages', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_problem_coverages_strength'))

    op.drop_table('problem_coverages')
    op.drop_table('coverage_cells')
    with op.batch_alter_table('plan_choices', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_plan_choices_solution_id'))

    op.drop_table('plan_choices')
    with op.batch_alter_table('plans', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_plans_state'))

    op.drop_table('plans')
    op.drop_table('plan_emphases')

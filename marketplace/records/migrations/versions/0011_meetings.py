"""matchmaking meetings"""

import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_STATE = sa.Enum('draft', 'invited', 'held', 'closed', 'cancelled', name='meetingstate', native_enum=False, length=32)
_ANSWER = sa.Enum('pending', 'accepted', 'declined', name='answer', native_enum=False, length=32)


def upgrade() -> None:
    op.create_table('meetings',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('public_id', sa.String(length=36), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('title', sa.String(length=100), nullable=False),
    sa.Column('sector', sa.String(length=32), nullable=False),
    sa.Column('scenario_code', sa.String(length=32), nullable=False),
    sa.Column('venue', sa.String(length=200), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('starts', sa.Integer(), nullable=False),
    sa.Column('ends', sa.Integer(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('gap', sa.Integer(), nullable=False),
    sa.Column('tables', sa.Integer(), nullable=False),
    sa.Column('breaks', sa.JSON(), nullable=False),
    sa.Column('answer_by', sa.Date(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('officer_id', _KEY, nullable=True),
    sa.Column('created', sa.DateTime(), nullable=False),
    sa.Column('invited_at', sa.DateTime(), nullable=True),
    sa.Column('planned_at', sa.DateTime(), nullable=True),
    sa.Column('closed_at', sa.DateTime(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', _STATE, nullable=False),
    sa.ForeignKeyConstraint(['officer_id'], ['accounts.id'], name=op.f('fk_meetings_officer_id_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meetings')),
    sa.UniqueConstraint('number', name=op.f('uq_meetings_number')),
    sa.UniqueConstraint('public_id', name=op.f('uq_meetings_public_id'))
    )
    with op.batch_alter_table('meetings', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_meetings_day'), ['day'], unique=False)

    op.create_table('meeting_parties',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('public_id', sa.String(length=36), nullable=False),
    sa.Column('meeting_id', _KEY, nullable=False),
    sa.Column('side', sa.String(length=16), nullable=False),
    sa.Column('enterprise_id', _KEY, nullable=True),
    sa.Column('provider_id', _KEY, nullable=True),
    sa.Column('code', sa.String(length=8), nullable=False),
    sa.Column('invited_at', sa.DateTime(), nullable=True),
    sa.Column('answer', _ANSWER, nullable=False),
    sa.Column('reason', sa.String(length=32), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('people', sa.String(length=200), nullable=False),
    sa.Column('way', sa.String(length=16), nullable=False),
    sa.Column('answered_at', sa.DateTime(), nullable=True),
    sa.Column('answered_by', _KEY, nullable=True),
    sa.Column('came_at', sa.DateTime(), nullable=True),
    sa.Column('came_by', _KEY, nullable=True),
    sa.Column('late', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['answered_by'], ['accounts.id'], name=op.f('fk_meeting_parties_answered_by_accounts')),
    sa.ForeignKeyConstraint(['came_by'], ['accounts.id'], name=op.f('fk_meeting_parties_came_by_accounts')),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprises.id'], name=op.f('fk_meeting_parties_enterprise_id_enterprises')),
    sa.ForeignKeyConstraint(['meeting_id'], ['meetings.id'], name=op.f('fk_meeting_parties_meeting_id_meetings')),
    sa.ForeignKeyConstraint(['provider_id'], ['providers.id'], name=op.f('fk_meeting_parties_provider_id_providers')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_parties')),
    sa.UniqueConstraint('meeting_id', 'code', name=op.f('uq_meeting_parties_meeting_id_code')),
    sa.UniqueConstraint('meeting_id', 'enterprise_id', name=op.f('uq_meeting_parties_meeting_id_enterprise_id')),
    sa.UniqueConstraint('meeting_id', 'provider_id', name=op.f('uq_meeting_parties_meeting_id_provider_id')),
    sa.UniqueConstraint('public_id', name=op.f('uq_meeting_parties_public_id'))
    )
    with op.batch_alter_table('meeting_parties', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_meeting_parties_enterprise_id'), ['enterprise_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meeting_parties_provider_id'), ['provider_id'], unique=False)

    op.create_table('meeting_talks',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('public_id', sa.String(length=36), nullable=False),
    sa.Column('meeting_id', _KEY, nullable=False),
    sa.Column('enterprise_party_id', _KEY, nullable=False),
    sa.Column('provider_party_id', _KEY, nullable=False),
    sa.Column('problem_id', _KEY, nullable=False),
    sa.Column('solution_id', _KEY, nullable=False),
    sa.Column('score', sa.Double(), nullable=True),
    sa.Column('strength', sa.Integer(), nullable=True),
    sa.Column('position', sa.Integer(), nullable=True),
    sa.Column('model', sa.String(length=64), nullable=False),
    sa.Column('features', sa.JSON(), nullable=True),
    sa.Column('enterprise_agreed', sa.DateTime(), nullable=True),
    sa.Column('provider_agreed', sa.DateTime(), nullable=True),
    sa.Column('round', sa.Integer(), nullable=True),
    sa.Column('table_number', sa.Integer(), nullable=True),
    sa.Column('left_out', sa.String(length=32), nullable=False),
    sa.Column('result', sa.String(length=16), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('next_step', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(), nullable=True),
    sa.Column('recorded_by', _KEY, nullable=True),
    sa.Column('introduction_id', _KEY, nullable=True),
    sa.ForeignKeyConstraint(['enterprise_party_id'], ['meeting_parties.id'], name=op.f('fk_meeting_talks_enterprise_party_id_meeting_parties')),
    sa.ForeignKeyConstraint(['introduction_id'], ['introductions.id'], name=op.f('fk_meeting_talks_introduction_id_introductions')),
    sa.ForeignKeyConstraint(['meeting_id'], ['meetings.id'], name=op.f('fk_meeting_talks_meeting_id_meetings')),
    sa.ForeignKeyConstraint(['problem_id'], ['problems.id'], name=op.f('fk_meeting_talks_problem_id_problems')),
    sa.ForeignKeyConstraint(['provider_party_id'], ['meeting_parties.id'], name=op.f('fk_meeting_talks_provider_party_id_meeting_parties')),
    sa.ForeignKeyConstraint(['recorded_by'], ['accounts.id'], name=op.f('fk_meeting_talks_recorded_by_accounts')),
    sa.ForeignKeyConstraint(['solution_id'], ['solutions.id'], name=op.f('fk_meeting_talks_solution_id_solutions')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_meeting_talks')),
    sa.UniqueConstraint('enterprise_party_id', 'provider_party_id', name=op.f('uq_meeting_talks_enterprise_party_id_provider_party_id')),
    sa.UniqueConstraint('public_id', name=op.f('uq_meeting_talks_public_id'))
    )
    with op.batch_alter_table('meeting_talks', schema=None, recreate='never') as batch_op:
        batch_op.create_index('ix_meeting_talks_meeting', ['meeting_id', 'round'], unique=False)
        batch_op.create_index(batch_op.f('ix_meeting_talks_introduction_id'), ['introduction_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meeting_talks_problem_id'), ['problem_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meeting_talks_provider_party_id'), ['provider_party_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_meeting_talks_solution_id'), ['solution_id'], unique=False)


def downgrade() -> None:
    op.drop_table('meeting_talks')
    op.drop_table('meeting_parties')
    op.drop_table('meetings')

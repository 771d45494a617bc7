"""diagnoses"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_OPEN = sa.text("state IN ('planned', 'on_site', 'drafted', 'confirmed')")
_REFERENCES = {'officer_id': 'accounts', 'organisation_id': 'organisations', 'confirmed_by': 'accounts', 'issued_by': 'accounts'}


def _refer(table: str, column: str, other: str) -> None:
    """A column that refers to another table, added in place on either database."""
    name = f'fk_{table}_{column}_{other}'
    kind = 'INTEGER' if op.get_bind().dialect.name == 'sqlite' else 'BIGINT'
    op.execute(f'ALTER TABLE {table} ADD COLUMN {column} {kind} CONSTRAINT {name} REFERENCES {other} (id)')


def upgrade() -> None:
    _refer('enterprises', 'officer_id', 'accounts')
    with op.batch_alter_table('enterprises', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_enterprises_officer_id'), ['officer_id'], unique=False)

    for column, other in _REFERENCES.items():
        _refer('diagnoses', column, other)
    with op.batch_alter_table('diagnoses', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('questionnaire', sa.String(length=32), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('planned_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('due', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('summary', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('grade', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('score', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('grading', sa.JSON(), nullable=False, server_default='{}'))
        batch_op.add_column(sa.Column('drafted_at', sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column('return_reason', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('confirmed_at', sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column('issued_at', sa.DateTime(), nullable=True))
        batch_op.create_index(batch_op.f('ix_diagnoses_officer_id'), ['officer_id'], unique=False)
        batch_op.create_index('ix_diagnoses_state', ['state'], unique=False)
        batch_op.create_index('uq_diagnoses_one_open', ['enterprise_id'], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

    op.create_table('diagnosis_answers',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('diagnosis_id', _KEY, nullable=False),
    sa.Column('question', sa.String(length=32), nullable=False),
    sa.Column('value', sa.JSON(), nullable=True),
    sa.Column('remark', sa.Text(), nullable=False),
    sa.Column('account_id', _KEY, nullable=True),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_diagnosis_answers_account_id_accounts')),
    sa.ForeignKeyConstraint(['diagnosis_id'], ['diagnoses.id'], name=op.f('fk_diagnosis_answers_diagnosis_id_diagnoses')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_diagnosis_answers')),
    sa.UniqueConstraint('diagnosis_id', 'question', name=op.f('uq_diagnosis_answers_diagnosis_id_question'))
    )
    op.create_table('outside_grades',
    sa.Column('id', _KEY, autoincrement=True, nullable=False),
    sa.Column('public_id', sa.String(length=36), nullable=False),
    sa.Column('enterprise_id', _KEY, nullable=False),
    sa.Column('model', sa.String(length=16), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('on', sa.Date(), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('entered_by', _KEY, nullable=True),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('taken_back', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['enterprise_id'], ['enterprises.id'], name=op.f('fk_outside_grades_enterprise_id_enterprises')),
    sa.ForeignKeyConstraint(['entered_by'], ['accounts.id'], name=op.f('fk_outside_grades_entered_by_accounts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outside_grades')),
    sa.UniqueConstraint('public_id', name=op.f('uq_outside_grades_public_id'))
    )
    with op.batch_alter_table('outside_grades', schema=None, recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_outside_grades_enterprise_id'), ['enterprise_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('outside_grades', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_outside_grades_enterprise_id'))

    op.drop_table('outside_grades')
    op.drop_table('diagnosis_answers')
    with op.batch_alter_table('diagnoses', schema=None, recreate='never') as batch_op:
        batch_op.drop_index('uq_diagnoses_one_open')
        batch_op.drop_index('ix_diagnoses_state')
        batch_op.drop_index(batch_op.f('ix_diagnoses_officer_id'))
        for column in ('issued_at', 'confirmed_at', 'return_reason', 'drafted_at', 'grading', 'score', 'grade', 'summary', 'due'):
            batch_op.drop_column(column)
        for column in ('planned_on', 'questionnaire', *reversed(_REFERENCES)):
            batch_op.drop_column(column)

    with op.batch_alter_table('enterprises', schema=None, recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_enterprises_officer_id'))
        batch_op.drop_column('officer_id')

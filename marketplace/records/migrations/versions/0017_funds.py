"""the ledger of the funds, budgets, plans, payments, financing"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


# What is in the ledger stays as it is: a mistake is undone by another entry.
_LEDGER = ("ledger_entries", "ledger_lines")
_FUNCTION = """
CREATE FUNCTION ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the ledger only grows: no % of %', TG_OP, TG_TABLE_NAME; END $$
"""


def _protect() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        for table in _LEDGER:
            op.execute(f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION ledger_stays()")
            op.execute(f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()")
        return
    for table in _LEDGER:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the ledger only grows: no {verb} of {table}'); END"
            )


def upgrade() -> None:
    op.create_table(
        "ledger_balances",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "account",
            sa.Enum(
                "budget",
                "available",
                "committed",
                "paid",
                "to_recover",
                "recovered",
                "expected",
                "received",
                name="ledgeraccount",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("project_key", sa.BigInteger(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("fen >= 0 OR account IN ('budget', 'expected')", name=op.f("ck_ledger_balances_not_below_nothing")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_balances")),
        sa.UniqueConstraint("account", "source", "year", "project_key", name=op.f("uq_ledger_balances_account_source_year_project_key")),
    )
    with op.batch_alter_table("ledger_balances", schema=None, recreate="never") as batch_op:
        batch_op.create_index("ix_ledger_balances_project", ["project_key"], unique=False)

    op.create_table(
        "financing_offers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("institution", sa.String(length=100), nullable=False),
        sa.Column("product", sa.String(length=100), nullable=False),
        sa.Column(
            "kind", sa.Enum("loan", "lease", "guarantee", "factoring", name="offerkind", native_enum=False, length=32), nullable=False
        ),
        sa.Column("low_fen", sa.BigInteger(), nullable=True),
        sa.Column("high_fen", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.String(length=200), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("state", sa.Enum("draft", "published", "withdrawn", name="offerstate", native_enum=False, length=32), nullable=False),
        sa.Column("created_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.id"], name=op.f("fk_financing_offers_created_by_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financing_offers")),
        sa.UniqueConstraint("public_id", name=op.f("uq_financing_offers_public_id")),
    )
    with op.batch_alter_table("financing_offers", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_financing_offers_state"), ["state"], unique=False)

    op.create_table(
        "fund_budgets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "state", sa.Enum("draft", "proposed", "effective", "dropped", name="budgetstate", native_enum=False, length=32), nullable=False
        ),
        sa.Column("created_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("proposed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_at", sa.DateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.id"], name=op.f("fk_fund_budgets_created_by_accounts")),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.id"], name=op.f("fk_fund_budgets_proposed_by_accounts")),
        sa.ForeignKeyConstraint(["second_person"], ["accounts.id"], name=op.f("fk_fund_budgets_second_person_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund_budgets")),
        sa.UniqueConstraint("public_id", name=op.f("uq_fund_budgets_public_id")),
    )
    with op.batch_alter_table("fund_budgets", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_fund_budgets_state"), ["state"], unique=False)
        batch_op.create_index("ix_fund_budgets_year", ["year", "source"], unique=False)

    op.create_table(
        "funding_plans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("minutes", sa.String(length=64), nullable=False),
        sa.Column("held", sa.Date(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("draft", "proposed", "issued", "dropped", name="fundingplanstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("created_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("proposed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("issued_at", sa.DateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.id"], name=op.f("fk_funding_plans_created_by_accounts")),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.id"], name=op.f("fk_funding_plans_proposed_by_accounts")),
        sa.ForeignKeyConstraint(["second_person"], ["accounts.id"], name=op.f("fk_funding_plans_second_person_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funding_plans")),
        sa.UniqueConstraint("number", name=op.f("uq_funding_plans_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_funding_plans_public_id")),
    )
    with op.batch_alter_table("funding_plans", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_funding_plans_state"), ["state"], unique=False)

    op.create_table(
        "fund_targets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("budget_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("target", sa.Float(), nullable=False),
        sa.Column("actual", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("evaluated_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("evaluated_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["budget_id"], ["fund_budgets.id"], name=op.f("fk_fund_targets_budget_id_fund_budgets")),
        sa.ForeignKeyConstraint(["evaluated_by"], ["accounts.id"], name=op.f("fk_fund_targets_evaluated_by_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund_targets")),
        sa.UniqueConstraint("public_id", name=op.f("uq_fund_targets_public_id")),
    )
    with op.batch_alter_table("fund_targets", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_fund_targets_budget_id"), ["budget_id"], unique=False)

    op.create_table(
        "financing_applications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("enterprise_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("papers", sa.JSON(), nullable=False),
        sa.Column("papers_until", sa.Date(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("draft", "sent", "offered", "declined", "taken", "withdrawn", name="financingstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("created_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("offered_fen", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["accounts.id"], name=op.f("fk_financing_applications_created_by_accounts")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name=op.f("fk_financing_applications_enterprise_id_enterprises")),
        sa.ForeignKeyConstraint(["offer_id"], ["financing_offers.id"], name=op.f("fk_financing_applications_offer_id_financing_offers")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_financing_applications_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financing_applications")),
        sa.UniqueConstraint("public_id", name=op.f("uq_financing_applications_public_id")),
    )
    with op.batch_alter_table("financing_applications", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_financing_applications_enterprise_id"), ["enterprise_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_financing_applications_offer_id"), ["offer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_financing_applications_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_financing_applications_state"), ["state"], unique=False)

    op.create_table(
        "funding_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("first_fen", sa.BigInteger(), nullable=False),
        sa.Column("rest_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first_fen >= 0 AND rest_fen >= 0", name=op.f("ck_funding_lines_not_below_nothing")),
        sa.ForeignKeyConstraint(["plan_id"], ["funding_plans.id"], name=op.f("fk_funding_lines_plan_id_funding_plans")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_funding_lines_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funding_lines")),
        sa.UniqueConstraint("plan_id", "project_id", "source", "year", name=op.f("uq_funding_lines_plan_id_project_id_source_year")),
        sa.UniqueConstraint("public_id", name=op.f("uq_funding_lines_public_id")),
    )
    with op.batch_alter_table("funding_lines", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_funding_lines_project_id"), ["project_id"], unique=False)

    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "budget",
                "commitment",
                "release",
                "payment",
                "reclaim",
                "recovery",
                "receipt",
                "reversal",
                name="entrykind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("noun", sa.String(length=32), nullable=False),
        sa.Column("noun_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("confirmed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["confirmed_by"], ["accounts.id"], name=op.f("fk_ledger_entries_confirmed_by_accounts")),
        sa.ForeignKeyConstraint(["made_by"], ["accounts.id"], name=op.f("fk_ledger_entries_made_by_accounts")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_ledger_entries_project_id_projects")),
        sa.ForeignKeyConstraint(["reverses_id"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_reverses_id_ledger_entries")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_entries_key")),
        sa.UniqueConstraint("number", name=op.f("uq_ledger_entries_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_ledger_entries_public_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entries_reverses_id")),
    )
    with op.batch_alter_table("ledger_entries", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_entries_day"), ["day"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_entries_project_id"), ["project_id"], unique=False)

    op.create_table(
        "reclaims",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("recovered_fen", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("proposed", "ordered", "recovered", "rejected", "taken_back", name="reclaimstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("proposed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("second_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_at", sa.DateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.CheckConstraint("fen > 0", name=op.f("ck_reclaims_something")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_reclaims_project_id_projects")),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.id"], name=op.f("fk_reclaims_proposed_by_accounts")),
        sa.ForeignKeyConstraint(["second_person"], ["accounts.id"], name=op.f("fk_reclaims_second_person_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reclaims")),
        sa.UniqueConstraint("number", name=op.f("uq_reclaims_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_reclaims_public_id")),
    )
    with op.batch_alter_table("reclaims", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_reclaims_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reclaims_state"), ["state"], unique=False)

    op.create_table(
        "ledger_lines",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account",
            sa.Enum(
                "budget",
                "available",
                "committed",
                "paid",
                "to_recover",
                "recovered",
                "expected",
                "received",
                name="ledgeraccount",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.CheckConstraint("fen <> 0", name=op.f("ck_ledger_lines_not_nothing")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_ledger_lines_entry_id_ledger_entries")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_ledger_lines_project_id_projects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_lines")),
    )
    with op.batch_alter_table("ledger_lines", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_lines_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index("ix_ledger_lines_project", ["project_id", "id"], unique=False)
        batch_op.create_index("ix_ledger_lines_source", ["source", "year", "id"], unique=False)
        batch_op.create_index("ix_ledger_lines_statement", ["day", "source", "account", "fen"], unique=False)

    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("line_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part", sa.Enum("first", "rest", name="paymentpart", native_enum=False, length=32), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("payee", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("prepared", "checked", "released", "paid", "returned", "cancelled", name="paymentstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("proposed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("second_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_at", sa.DateTime(), nullable=True),
        sa.Column("released_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("released_at", sa.DateTime(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("fen > 0", name=op.f("ck_payments_something")),
        sa.ForeignKeyConstraint(["line_id"], ["funding_lines.id"], name=op.f("fk_payments_line_id_funding_lines")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_payments_project_id_projects")),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.id"], name=op.f("fk_payments_proposed_by_accounts")),
        sa.ForeignKeyConstraint(["released_by"], ["accounts.id"], name=op.f("fk_payments_released_by_accounts")),
        sa.ForeignKeyConstraint(["second_person"], ["accounts.id"], name=op.f("fk_payments_second_person_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("key", name=op.f("uq_payments_key")),
        sa.UniqueConstraint("number", name=op.f("uq_payments_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_payments_public_id")),
    )
    with op.batch_alter_table("payments", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_payments_line_id"), ["line_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payments_project_id"), ["project_id"], unique=False)
        batch_op.create_index("ix_payments_state", ["state", "id"], unique=False)

    op.create_table(
        "vouchers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("public_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("commitment", "release", "receipt", "recovery", "reversal", name="voucherkind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=True),
        sa.Column("project_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reclaim_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("posted_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("proposed", "posted", "rejected", "taken_back", name="voucherstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("proposed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("proposed_at", sa.DateTime(), nullable=False),
        sa.Column("second_person", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("second_at", sa.DateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"], name=op.f("fk_vouchers_entry_id_ledger_entries")),
        sa.ForeignKeyConstraint(["posted_id"], ["ledger_entries.id"], name=op.f("fk_vouchers_posted_id_ledger_entries")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_vouchers_project_id_projects")),
        sa.ForeignKeyConstraint(["proposed_by"], ["accounts.id"], name=op.f("fk_vouchers_proposed_by_accounts")),
        sa.ForeignKeyConstraint(["reclaim_id"], ["reclaims.id"], name=op.f("fk_vouchers_reclaim_id_reclaims")),
        sa.ForeignKeyConstraint(["second_person"], ["accounts.id"], name=op.f("fk_vouchers_second_person_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vouchers")),
        sa.UniqueConstraint("key", name=op.f("uq_vouchers_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_vouchers_public_id")),
    )
    with op.batch_alter_table("vouchers", schema=None, recreate="never") as batch_op:
        batch_op.create_index(batch_op.f("ix_vouchers_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vouchers_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vouchers_reclaim_id"), ["reclaim_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vouchers_state"), ["state"], unique=False)
    _protect()


def downgrade() -> None:
    with op.batch_alter_table("vouchers", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_vouchers_state"))
        batch_op.drop_index(batch_op.f("ix_vouchers_reclaim_id"))
        batch_op.drop_index(batch_op.f("ix_vouchers_project_id"))
        batch_op.drop_index(batch_op.f("ix_vouchers_entry_id"))

    op.drop_table("vouchers")
    with op.batch_alter_table("payments", schema=None, recreate="never") as batch_op:
        batch_op.drop_index("ix_payments_state")
        batch_op.drop_index(batch_op.f("ix_payments_project_id"))
        batch_op.drop_index(batch_op.f("ix_payments_line_id"))

    op.drop_table("payments")
    with op.batch_alter_table("ledger_lines", schema=None, recreate="never") as batch_op:
        batch_op.drop_index("ix_ledger_lines_statement")
        batch_op.drop_index("ix_ledger_lines_source")
        batch_op.drop_index("ix_ledger_lines_project")
        batch_op.drop_index(batch_op.f("ix_ledger_lines_entry_id"))

    op.drop_table("ledger_lines")
    with op.batch_alter_table("reclaims", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_reclaims_state"))
        batch_op.drop_index(batch_op.f("ix_reclaims_project_id"))

    op.drop_table("reclaims")
    with op.batch_alter_table("ledger_entries", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_entries_project_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_entries_day"))

    op.drop_table("ledger_entries")
    with op.batch_alter_table("funding_lines", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_funding_lines_project_id"))

    op.drop_table("funding_lines")
    with op.batch_alter_table("financing_applications", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_financing_applications_state"))
        batch_op.drop_index(batch_op.f("ix_financing_applications_project_id"))
        batch_op.drop_index(batch_op.f("ix_financing_applications_offer_id"))
        batch_op.drop_index(batch_op.f("ix_financing_applications_enterprise_id"))

    op.drop_table("financing_applications")
    with op.batch_alter_table("fund_targets", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_fund_targets_budget_id"))

    op.drop_table("fund_targets")
    with op.batch_alter_table("funding_plans", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_funding_plans_state"))

    op.drop_table("funding_plans")
    with op.batch_alter_table("fund_budgets", schema=None, recreate="never") as batch_op:
        batch_op.drop_index("ix_fund_budgets_year")
        batch_op.drop_index(batch_op.f("ix_fund_budgets_state"))

    op.drop_table("fund_budgets")
    with op.batch_alter_table("financing_offers", schema=None, recreate="never") as batch_op:
        batch_op.drop_index(batch_op.f("ix_financing_offers_state"))

    op.drop_table("financing_offers")
    with op.batch_alter_table("ledger_balances", schema=None, recreate="never") as batch_op:
        batch_op.drop_index("ix_ledger_balances_project")

    op.drop_table("ledger_balances")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_stays()")

"""Cases, reports, and the log of privileged acts, of which the engines themselves refuse to change a row."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "core_0006"
down_revision = "core_0005"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE TRIGGER core_audit_stays BEFORE UPDATE ON core_audit "
    "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END",
    "CREATE TRIGGER core_audit_new BEFORE INSERT ON core_audit "
    "WHEN EXISTS (SELECT 1 FROM core_audit WHERE id = NEW.id) "
    "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END",
    "CREATE TRIGGER core_audit_keeps BEFORE DELETE ON core_audit WHEN OLD.at > datetime('now', '-365 days') "
    "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END",
)
POSTGRESQL = (
    """CREATE FUNCTION core_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.at <= now() - interval '365 days' THEN
                RETURN OLD;
            END IF;
        END IF;
        RAISE EXCEPTION 'the log only grows';
    END $$""",
    "CREATE TRIGGER core_audit_stays BEFORE UPDATE OR DELETE ON core_audit "
    "FOR EACH ROW EXECUTE FUNCTION core_audit_only_grows()",
    "CREATE TRIGGER core_audit_keeps BEFORE TRUNCATE ON core_audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION core_audit_only_grows()",
)


def upgrade() -> None:
    op.create_table(
        "core_audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("act", sa.String(length=60), nullable=False),
        sa.Column("ref", sa.String(length=80), nullable=False),
        sa.Column("origin", sa.String(length=60), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_audit")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("core_audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_audit_at"), ["at"], unique=False)

    op.create_table(
        "core_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("appeal_of", sa.Integer(), nullable=True),
        sa.Column("appellant_id", sa.Integer(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("act", sa.String(length=10), nullable=True),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "act IN ('kept', 'restored', 'hidden', 'removed', 'redacted', 'locked')",
            name=op.f("ck_core_case_act_known"),
        ),
        sa.CheckConstraint(
            "origin IN ('reported', 'held', 'appeal', 'team')", name=op.f("ck_core_case_origin_known")
        ),
        sa.ForeignKeyConstraint(
            ["appeal_of"], ["core_case.id"], name=op.f("fk_core_case_appeal_of"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["appellant_id"], ["core_user.id"], name=op.f("fk_core_case_appellant_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["core_user.id"], name=op.f("fk_core_case_author_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["core_user.id"], name=op.f("fk_core_case_decided_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_core_case_entry_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_core_case_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_case")),
        sa.UniqueConstraint("appeal_of", "appellant_id", name="uq_core_case_appeal"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("core_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_case_appellant_id"), ["appellant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_case_author_id"), ["author_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_case_decided_at"), ["decided_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_case_decided_by"), ["decided_by"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_case_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(
            "ix_core_case_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_core_case_space_id"), ["space_id"], unique=False)
        batch_op.create_index(
            "uq_core_case_one",
            ["entry_id"],
            unique=True,
            sqlite_where=sa.text("decided_at IS NULL AND appeal_of IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL AND appeal_of IS NULL"),
        )

    op.create_table(
        "core_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("reporter_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("legal", sa.Boolean(), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("good_faith", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["core_case.id"], name=op.f("fk_core_report_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_core_report_entry_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["core_user.id"], name=op.f("fk_core_report_reporter_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_core_report_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_report")),
        sa.UniqueConstraint("entry_id", "reporter_id", name="uq_core_report_once"),
    )
    with op.batch_alter_table("core_report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_core_report_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_report_reporter_id"), ["reporter_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_core_report_space_id"), ["space_id"], unique=False)

    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement))


def downgrade() -> None:
    with op.batch_alter_table("core_report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_report_space_id"))
        batch_op.drop_index(batch_op.f("ix_core_report_reporter_id"))
        batch_op.drop_index(batch_op.f("ix_core_report_case_id"))

    op.drop_table("core_report")
    with op.batch_alter_table("core_case", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_core_case_one",
            sqlite_where=sa.text("decided_at IS NULL AND appeal_of IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL AND appeal_of IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_core_case_space_id"))
        batch_op.drop_index(
            "ix_core_case_open",
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_core_case_entry_id"))
        batch_op.drop_index(batch_op.f("ix_core_case_decided_by"))
        batch_op.drop_index(batch_op.f("ix_core_case_decided_at"))
        batch_op.drop_index(batch_op.f("ix_core_case_author_id"))
        batch_op.drop_index(batch_op.f("ix_core_case_appellant_id"))

    op.drop_table("core_case")
    with op.batch_alter_table("core_audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_core_audit_at"))

    op.drop_table("core_audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.text("DROP FUNCTION core_audit_only_grows()"))

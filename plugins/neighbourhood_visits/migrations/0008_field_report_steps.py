"""Minutes and reports, notes of the field, steps of questions, reminders of promises."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0008"
down_revision = "visits_0007"
branch_labels = None
depends_on = None


def _refers(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def upgrade() -> None:
    op.create_table(
        "visits_minutes",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("drafted_by", sa.Integer(), nullable=True),
        _refers("visits_minutes", "space_id", "core_space", "CASCADE"),
        _refers("visits_minutes", "drafted_by", "core_user", "SET NULL"),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_visits_minutes")),
    )
    op.create_table(
        "visits_report",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("mentions", sa.JSON(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        _refers("visits_report", "space_id", "core_space", "CASCADE"),
        _refers("visits_report", "approved_by", "core_user", "SET NULL"),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_visits_report")),
    )
    op.create_table(
        "visits_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("photo_id", sa.Integer(), nullable=True),
        sa.Column("stop", sa.String(length=200), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("attendance", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        _refers("visits_note", "space_id", "core_space", "CASCADE"),
        _refers("visits_note", "author_id", "core_user", "SET NULL"),
        _refers("visits_note", "entry_id", "core_entry", "SET NULL"),
        _refers("visits_note", "photo_id", "core_entry", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_note")),
        sa.UniqueConstraint("space_id", "key", name="uq_visits_note_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_visits_note_entry_id"), "visits_note", ["entry_id"])
    op.create_index(op.f("ix_visits_note_space_id"), "visits_note", ["space_id"])
    op.create_table(
        "visits_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("commitment_id", sa.Integer(), nullable=True),
        sa.Column("thing", sa.String(length=20), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        _refers("visits_step", "entry_id", "core_entry", "CASCADE"),
        _refers("visits_step", "commitment_id", "visits_commitment", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_step")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_visits_step_entry_id"), "visits_step", ["entry_id"])
    op.add_column("visits_commitment", sa.Column("told", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("visits_commitment", "told")
    for table in ("visits_step", "visits_note", "visits_report", "visits_minutes"):
        op.drop_table(table)

"""Stops and routes, what is delicate about questions, papers for the team, when calendars are to be told."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0007"
down_revision = "visits_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits_visit", sa.Column("meeting_latitude", sa.Double(), nullable=True))
    op.add_column("visits_visit", sa.Column("meeting_longitude", sa.Double(), nullable=True))
    op.add_column("visits_visit", sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "visits_stop",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("step_free", sa.Boolean(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        _key("stop", "space_id", "core_space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_stop")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_visits_stop_space_id"), "visits_stop", ["space_id"])
    op.create_table(
        "visits_stop_question",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("stop_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _key("stop_question", "entry_id", "core_entry"),
        _key("stop_question", "stop_id", "visits_stop"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_visits_stop_question")),
    )
    op.create_index(op.f("ix_visits_stop_question_stop_id"), "visits_stop_question", ["stop_id"])
    op.create_table(
        "visits_sensitivity",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("noted_by", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        _key("sensitivity", "entry_id", "core_entry"),
        _key("sensitivity", "noted_by", "core_user", "SET NULL"),
        _key("sensitivity", "space_id", "core_space"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_visits_sensitivity")),
    )
    op.create_index(op.f("ix_visits_sensitivity_space_id"), "visits_sensitivity", ["space_id"])
    op.create_table(
        "visits_paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        _key("paper", "space_id", "core_space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_paper")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_visits_paper_space_id"), "visits_paper", ["space_id"])


def downgrade() -> None:
    for table in ("paper", "sensitivity", "stop_question", "stop"):
        op.drop_table(f"visits_{table}")
    for column in ("sequence", "meeting_longitude", "meeting_latitude"):
        op.drop_column("visits_visit", column)


def _key(table: str, column: str, to: str, gone: str = "CASCADE") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_visits_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete=gone)

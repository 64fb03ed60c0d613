"""The visits' tables."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits_visit",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("meeting_point", sa.String(length=200), nullable=False),
        sa.Column("access_notes", sa.String(length=1000), nullable=False),
        sa.Column("other_ways", sa.String(length=1000), nullable=False),
        sa.Column("questions_close_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_visits_visit_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_visits_visit")),
    )
    with op.batch_alter_table("visits_visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visits_visit_starts_at"), ["starts_at"], unique=False)

    op.create_table(
        "visits_answer",
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_answer_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["question_id"], ["core_entry.id"], name=op.f("fk_visits_answer_question_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_visits_answer")),
        sa.UniqueConstraint("question_id", name=op.f("uq_visits_answer_question_id")),
    )
    op.create_table(
        "visits_casework",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("contact", sa.String(length=120), nullable=False),
        sa.Column("note", sa.String(length=4000), nullable=False),
        sa.Column("triaged_by", sa.Integer(), nullable=True),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_casework_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_visits_casework_space_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["triaged_by"], ["core_user.id"], name=op.f("fk_visits_casework_triaged_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_visits_casework")),
    )
    with op.batch_alter_table("visits_casework", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visits_casework_space_id"), ["space_id"], unique=False)

    op.create_table(
        "visits_question",
        sa.Column("theme", sa.String(length=80), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("triage", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_question_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_visits_question")),
    )


def downgrade() -> None:
    op.drop_table("visits_question")
    with op.batch_alter_table("visits_casework", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_visits_casework_space_id"))

    op.drop_table("visits_casework")
    op.drop_table("visits_answer")
    with op.batch_alter_table("visits_visit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_visits_visit_starts_at"))

    op.drop_table("visits_visit")

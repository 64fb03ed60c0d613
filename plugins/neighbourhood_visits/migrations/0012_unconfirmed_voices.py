"""Voices that nobody has confirmed, and how many a question has."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0012"
down_revision = "visits_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "visits_question", sa.Column("unconfirmed", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_table(
        "visits_voice",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_voice_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_visits_voice_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", "code", name=op.f("pk_visits_voice")),
        sa.UniqueConstraint("code", name=op.f("uq_visits_voice_code")),
    )
    op.create_index(op.f("ix_visits_voice_space_id"), "visits_voice", ["space_id"])


def downgrade() -> None:
    op.drop_table("visits_voice")
    op.drop_column("visits_question", "unconfirmed")

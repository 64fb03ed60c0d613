"""What open pages are told of."""

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_core_event_at"), "core_event", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_core_event_at"), "core_event")
    op.drop_table("core_event")

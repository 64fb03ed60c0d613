"""Files of questions that somebody is about to take in."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0003"
down_revision = "visits_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("header", sa.String(length=64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_visits_import_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_import")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_visits_import_user_id"), "visits_import", ["user_id"])


def downgrade() -> None:
    op.drop_table("visits_import")

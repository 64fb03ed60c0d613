"""The plugin's tables."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "moderation_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moderation_checked",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_moderation_checked_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_moderation_checked")),
    )
    op.create_table(
        "moderation_figures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("counted", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moderation_figures")),
    )


def downgrade() -> None:
    op.drop_table("moderation_figures")
    op.drop_table("moderation_checked")

"""Whom a private entry is meant for, beside who reads it now."""

import sqlalchemy as sa
from alembic import op

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("core_entry", sa.Column("meant_for", sa.Integer(), nullable=True))
    op.execute("UPDATE core_entry SET meant_for = reader_id WHERE private")
    op.execute("UPDATE core_entry SET reader_id = NULL WHERE private AND state IN ('hidden', 'removed')")


def downgrade() -> None:
    op.drop_column("core_entry", "meant_for")

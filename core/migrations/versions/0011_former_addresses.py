"""An account knows the addresses that it had, so that an erasure finds what is kept under them."""

import sqlalchemy as sa
from alembic import op

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("core_account", sa.Column("former", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("core_account", "former")

"""How many messages to a visit were not taken in."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0010"
down_revision = "visits_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits_casework", sa.Column("kept_out", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("visits_casework", "kept_out")

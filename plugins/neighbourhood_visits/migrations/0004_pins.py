"""Where on the map a question is, how many signed it, and when the dossier of a visit is closed."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0004"
down_revision = "visits_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits_question", sa.Column("latitude", sa.Double(), nullable=True))
    op.add_column("visits_question", sa.Column("longitude", sa.Double(), nullable=True))
    op.add_column(
        "visits_question", sa.Column("signatures", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("visits_visit", sa.Column("freezes_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("visits_visit", "freezes_at")
    for column in ("signatures", "longitude", "latitude"):
        op.drop_column("visits_question", column)

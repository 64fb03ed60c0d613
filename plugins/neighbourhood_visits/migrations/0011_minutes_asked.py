"""When an official was asked to approve the minutes of a visit as its report."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0011"
down_revision = "visits_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visits_minutes", sa.Column("asked_at", UtcDateTime()))


def downgrade() -> None:
    op.drop_column("visits_minutes", "asked_at")

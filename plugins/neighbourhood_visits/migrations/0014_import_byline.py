"""Who is shown as having asked what a file brings; which columns somebody chose for it."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0014"
down_revision = "visits_0013"
branch_labels = None
depends_on = None

_import = sa.table("visits_import", *map(sa.column, ("state", "chosen")))


def upgrade() -> None:
    op.add_column("visits_import", sa.Column("byline", sa.String(80), nullable=False, server_default=""))
    op.add_column(
        "visits_import", sa.Column("chosen", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(sa.update(_import).where(_import.c.state == "done").values(chosen=sa.true()))


def downgrade() -> None:
    op.drop_column("visits_import", "chosen")
    op.drop_column("visits_import", "byline")

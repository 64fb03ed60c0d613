"""The streets of the town, which its maps show."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0017"
down_revision = "visits_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits_street",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("west", "south", "east", "north", "length")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_street")),
    )


def downgrade() -> None:
    op.drop_table("visits_street")

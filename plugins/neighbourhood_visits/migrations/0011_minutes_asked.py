"""Who is asked for a report, who corrected a draft; scribes read no longer what is for the team."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0011"
down_revision = "visits_0010"
branch_labels = None
depends_on = None

_membership = sa.table("core_membership", *map(sa.column, ("space_id", "role", "team")))
_visit = sa.table("visits_visit", sa.column("space_id"))
_scribes = sa.update(_membership).where(
    _membership.c.role == "scribe", _membership.c.space_id.in_(sa.select(_visit.c.space_id))
)


def upgrade() -> None:
    op.add_column("visits_minutes", sa.Column("asked_at", UtcDateTime()))
    with op.batch_alter_table("visits_casework") as table:
        table.add_column(sa.Column("corrected_by", sa.Integer(), nullable=True))
        table.create_foreign_key(
            table.f("fk_visits_casework_corrected_by"),
            "core_user",
            ["corrected_by"],
            ["id"],
            ondelete="SET NULL",
        )
    op.execute(_scribes.values(team=False))


def downgrade() -> None:
    op.execute(_scribes.values(team=True))
    with op.batch_alter_table("visits_casework") as table:
        table.drop_constraint(table.f("fk_visits_casework_corrected_by"), type_="foreignkey")
        table.drop_column("corrected_by")
    op.drop_column("visits_minutes", "asked_at")

"""To whom a question was assigned before, so that who replaced that can take it back."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0020"
down_revision = "visits_0019"
branch_labels = None
depends_on = None

FORMER = {"former_department_id": "visits_department", "former_official_id": "core_user"}


def upgrade() -> None:
    with op.batch_alter_table("visits_casework") as table:
        for name, of in FORMER.items():
            table.add_column(sa.Column(name, sa.Integer(), nullable=True))
            table.create_foreign_key(
                table.f(f"fk_visits_casework_{name}"), of, [name], ["id"], ondelete="SET NULL"
            )
        table.add_column(sa.Column("former_due_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("visits_casework") as table:
        for name in FORMER:
            table.drop_constraint(table.f(f"fk_visits_casework_{name}"), type_="foreignkey")
            table.drop_column(name)
        table.drop_column("former_due_at")

"""By which code a question's thread is opened, and who asked what is not shown under their name."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0005"
down_revision = "visits_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("visits_casework") as table:
        table.add_column(sa.Column("code", sa.String(length=64), nullable=True))
        table.create_unique_constraint(table.f("uq_visits_casework_code"), ["code"])
    op.create_table(
        "visits_asker",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_visits_asker_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_asker_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "entry_id", name=op.f("pk_visits_asker")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_visits_asker_entry_id")),
    )


def downgrade() -> None:
    op.drop_table("visits_asker")
    with op.batch_alter_table("visits_casework") as table:
        table.drop_constraint(table.f("uq_visits_casework_code"), type_="unique")
        table.drop_column("code")

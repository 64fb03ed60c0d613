"""Which questions are empty places, that nobody asks any more and below which the town's words stand."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0019"
down_revision = "visits_0018"
branch_labels = None
depends_on = None

_question = sa.table("visits_question", *map(sa.column, ("entry_id", "empty", "triage")))
_entry = sa.table("core_entry", *map(sa.column, ("id", "state", "in_feed", "parent_id")))


def upgrade() -> None:
    with op.batch_alter_table("visits_question") as table:
        table.add_column(sa.Column("empty", sa.Boolean(), nullable=False, server_default=sa.false()))
    places = sa.select(_entry.c.id).where(_entry.c.state == "published", sa.not_(_entry.c.in_feed))
    empty = _question.c.triage == "accepted", _question.c.entry_id.in_(places)
    op.execute(sa.update(_question).where(*empty).values(empty=sa.true()))


def downgrade() -> None:
    with op.batch_alter_table("visits_question") as table:
        table.drop_column("empty")

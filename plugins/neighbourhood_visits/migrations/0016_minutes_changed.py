"""How much of the minutes one person has changed; an answer that went with an account is to be written."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0016"
down_revision = "visits_0015"
branch_labels = None
depends_on = None

_answer = sa.table("visits_answer", sa.column("question_id"))
_casework = sa.table("visits_casework", *map(sa.column, ("entry_id", "answer")))
_question = sa.table("visits_question", *map(sa.column, ("entry_id", "answered_at")))
_written = sa.select(_answer.c.question_id)
WRITTEN = ("drafted", "to_approve", "approved", "published")


def upgrade() -> None:
    with op.batch_alter_table("visits_minutes") as table:
        table.add_column(sa.Column("changed_by", sa.Integer(), nullable=True))
        table.add_column(sa.Column("changed", sa.Integer(), nullable=False, server_default="0"))
        table.create_foreign_key(
            table.f("fk_visits_minutes_changed_by"), "core_user", ["changed_by"], ["id"], ondelete="SET NULL"
        )
    lost = sa.and_(_casework.c.answer.in_(WRITTEN), _casework.c.entry_id.not_in(_written))
    op.execute(sa.update(_casework).where(lost).values(answer="none"))
    op.execute(sa.update(_question).where(_question.c.entry_id.not_in(_written)).values(answered_at=None))


def downgrade() -> None:
    with op.batch_alter_table("visits_minutes") as table:
        table.drop_constraint(table.f("fk_visits_minutes_changed_by"), type_="foreignkey")
        table.drop_column("changed_by")
        table.drop_column("changed")

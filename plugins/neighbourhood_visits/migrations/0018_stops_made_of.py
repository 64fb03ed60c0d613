"""Which question a stop was made of, whose words it bears."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0018"
down_revision = "visits_0017"
branch_labels = None
depends_on = None

_stop = sa.table("visits_stop", *map(sa.column, ("space_id", "title", "made_of")))
_question = sa.table("visits_question", *map(sa.column, ("entry_id", "place")))
_entry = sa.table("core_entry", *map(sa.column, ("id", "space_id", "title")))
TITLE = 120  # characters of a stop's title


def upgrade() -> None:
    with op.batch_alter_table("visits_stop") as table:
        table.add_column(sa.Column("made_of", sa.Integer(), nullable=True))
        table.create_foreign_key(
            table.f("fk_visits_stop_made_of"), "core_entry", ["made_of"], ["id"], ondelete="SET NULL"
        )
        table.create_index("ix_visits_stop_made_of", ["made_of"])
    words = (sa.func.substr(column, 1, TITLE) for column in (_question.c.place, _entry.c.title))
    same = sa.select(sa.func.min(_entry.c.id)).join_from(
        _entry, _question, _question.c.entry_id == _entry.c.id
    )
    same = same.where(_entry.c.space_id == _stop.c.space_id, sa.or_(*(_stop.c.title == one for one in words)))
    op.execute(sa.update(_stop).values(made_of=same.scalar_subquery()))


def downgrade() -> None:
    with op.batch_alter_table("visits_stop") as table:
        table.drop_index("ix_visits_stop_made_of")
        table.drop_constraint(table.f("fk_visits_stop_made_of"), type_="foreignkey")
        table.drop_column("made_of")

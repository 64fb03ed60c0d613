"""What an author holds against a refusal stands beside the town's reason, no longer in its place."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0015"
down_revision = "visits_0014"
branch_labels = None
depends_on = None

_question = sa.table("visits_question", *map(sa.column, ("triage", "reason", "objection")))
_contested = sa.update(_question).where(_question.c.triage == "contested")


def upgrade() -> None:
    op.add_column(
        "visits_question", sa.Column("objection", sa.String(1000), nullable=False, server_default="")
    )
    op.execute(_contested.values(objection=_question.c.reason, reason=""))


def downgrade() -> None:
    op.execute(_contested.values(reason=_question.c.objection))
    op.drop_column("visits_question", "objection")

"""What the desk suggests, and the terms by which questions are compared."""

import sqlalchemy as sa
from alembic import op

revision = "visits_0006"
down_revision = "visits_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visits_learned",
        sa.Column("sort", sa.String(length=10), nullable=False),
        sa.Column("word", sa.String(length=90), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sort", "word", "label", name=op.f("pk_visits_learned")),
    )
    op.create_table(
        "visits_term",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("term", sa.String(length=90), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_term_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_visits_term_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", "term", name=op.f("pk_visits_term")),
    )
    op.create_index("ix_visits_term_term", "visits_term", ["term", "space_id"])
    op.create_table(
        "visits_similar",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_similar_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["core_entry.id"], name=op.f("fk_visits_similar_other_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", "other_id", name=op.f("pk_visits_similar")),
    )
    op.create_index(op.f("ix_visits_similar_other_id"), "visits_similar", ["other_id"])
    with op.batch_alter_table("visits_question") as table:
        table.add_column(sa.Column("compared", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.create_index(table.f("ix_visits_question_compared"), ["compared"])


def downgrade() -> None:
    with op.batch_alter_table("visits_question") as table:
        table.drop_index(table.f("ix_visits_question_compared"))
        table.drop_column("compared")
    for name in ("visits_similar", "visits_term", "visits_learned"):
        op.drop_table(name)

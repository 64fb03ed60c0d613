"""The dummy plugin's tables."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "dummy_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dummy_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dummy_line")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "dummy_theme",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dummy_theme")),
        sa.UniqueConstraint("name", name=op.f("uq_dummy_theme_name")),
    )
    op.create_table(
        "dummy_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_dummy_step_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dummy_step")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("dummy_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dummy_step_space_id"), ["space_id"], unique=False)

    op.create_table(
        "dummy_workshop",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("room", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_dummy_workshop_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_dummy_workshop")),
    )
    op.create_table(
        "dummy_assessment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_dummy_assessment_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_dummy_assessment_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dummy_assessment")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("dummy_assessment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dummy_assessment_entry_id"), ["entry_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dummy_assessment_space_id"), ["space_id"], unique=False)

    op.create_table(
        "dummy_bookmark",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_dummy_bookmark_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_dummy_bookmark_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "entry_id", name=op.f("pk_dummy_bookmark")),
    )
    op.create_table(
        "dummy_idea",
        sa.Column("theme_id", sa.Integer(), nullable=True),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_dummy_idea_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["theme_id"], ["dummy_theme.id"], name=op.f("fk_dummy_idea_theme_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_dummy_idea")),
    )


def downgrade() -> None:
    op.drop_table("dummy_idea")
    op.drop_table("dummy_bookmark")
    with op.batch_alter_table("dummy_assessment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dummy_assessment_space_id"))
        batch_op.drop_index(batch_op.f("ix_dummy_assessment_entry_id"))

    op.drop_table("dummy_assessment")
    op.drop_table("dummy_workshop")
    with op.batch_alter_table("dummy_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dummy_step_space_id"))

    op.drop_table("dummy_step")
    op.drop_table("dummy_theme")
    op.drop_table("dummy_line")

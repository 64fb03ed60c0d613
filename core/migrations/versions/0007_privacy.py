"""Archives of one's data, erasures, and when somebody was last here."""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from core.db import UtcDateTime

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "core_export",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_export_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_core_export")),
        sa.UniqueConstraint("name", name=op.f("uq_core_export_name")),
    )
    op.create_index(op.f("ix_core_export_ready_at"), "core_export", ["ready_at"])
    op.create_table(
        "core_erasure",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=80), nullable=False),
        sa.Column("words", sa.Boolean(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("owed", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_core_erasure")),
    )
    seen = op.create_table(
        "core_seen",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("warned_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["core_user.id"], name=op.f("fk_core_seen_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_core_seen")),
    )
    op.create_index(op.f("ix_core_seen_at"), "core_seen", ["at"])
    account = sa.table("core_account", sa.column("user_id"))
    moment = sa.literal(dt.datetime.now(dt.UTC), UtcDateTime)
    op.execute(sa.insert(seen).from_select(["user_id", "at"], sa.select(account.c.user_id, moment)))


def downgrade() -> None:
    for name in ("core_seen", "core_erasure", "core_export"):
        op.drop_table(name)

"""Signed links of departments, when answers are due, delegates of officials, templates of answers."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0009"
down_revision = "visits_0008"
branch_labels = None
depends_on = None

MOMENTS = ("due_at", "reminded_at", "escalated_at")


def upgrade() -> None:
    op.create_table(
        "visits_department_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("drafted_at", UtcDateTime(), nullable=True),
        sa.Column("space_id", sa.Integer(), nullable=False),
        _cascade("department_link", "entry_id", "core_entry"),
        _cascade("department_link", "department_id", "visits_department"),
        _cascade("department_link", "space_id", "core_space"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_department_link")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_visits_department_link_entry_id")),
        sqlite_autoincrement=True,
    )
    for column in ("department_id", "space_id"):
        op.create_index(op.f(f"ix_visits_department_link_{column}"), "visits_department_link", [column])
    op.create_table(
        "visits_delegate",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("delegate_id", sa.Integer(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        _cascade("delegate", "user_id", "core_user"),
        _cascade("delegate", "delegate_id", "core_user"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_visits_delegate")),
    )
    op.create_index(op.f("ix_visits_delegate_delegate_id"), "visits_delegate", ["delegate_id"])
    op.create_table(
        "visits_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("theme", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_template")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("visits_casework") as table:
        for name in MOMENTS:
            table.add_column(sa.Column(name, UtcDateTime(), nullable=True))
        table.add_column(sa.Column("approved_for", sa.Integer(), nullable=True))
        table.create_foreign_key(
            table.f("fk_visits_casework_approved_for"),
            "core_user",
            ["approved_for"],
            ["id"],
            ondelete="SET NULL",
        )
        table.create_index(table.f("ix_visits_casework_due_at"), ["due_at"])


def _cascade(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_visits_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    with op.batch_alter_table("visits_casework") as table:
        table.drop_index(table.f("ix_visits_casework_due_at"))
        table.drop_constraint(table.f("fk_visits_casework_approved_for"), type_="foreignkey")
        for name in ("approved_for", *MOMENTS):
            table.drop_column(name)
    for name in ("visits_template", "visits_delegate", "visits_department_link"):
        op.drop_table(name)
